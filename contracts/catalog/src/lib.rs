//! The catalog contract: what can be watched.
//!
//! Others rely on three things: a title's public face, the facts that decide whether it may be played (`playable`), and
//! a feed of changes. The catalog states facts; it decides nothing about a viewer, knows no price and stores no media.
//! How titles come to be is the management contract's matter, and a replacement (an existing CMS) need not have it.

mod catalog;
pub mod conformance;
mod management;
mod title;

pub use catalog::{
    Catalog, CatalogError, Change, Changes, GetPlayable, GetTitle, ListChanges, ListTitles, Playable, TitlePublished,
    TitleWithdrawn, catalog_operations,
};
pub use management::{
    CatalogManagement, CreateTitle, EditTitle, GetManagedTitle, ListManagedTitles, ManagedTitle, PublishTitle,
    TitleState, WithdrawTitle, catalog_management_operations,
};
pub use title::{Rating, Title, TitleAccess, TitleDraft, Window};
