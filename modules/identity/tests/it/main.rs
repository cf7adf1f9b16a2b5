//! The built-in identity against its contract, and as browsers, applications and the edge meet it.

mod flow;
mod keys;
mod pages;
mod session;
mod tokens;
mod world;
