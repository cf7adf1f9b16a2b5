//! Sources on the scratch disk that chunks are encoded of: one copy a process, for as long as somebody works with it.

use std::{
    collections::HashMap,
    fs::hard_link,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tessera_types::{TenantId, UploadId};
use tokio::sync::OnceCell;

use crate::{encode::SOURCE, plan::Plan, probe::Source, scratch::Scratch};

/// A source, what it is, and what is made of it.
pub(super) struct SourceCopy {
    pub(super) scratch: Scratch,
    pub(super) source: Source,
    pub(super) plan: Plan,
}

/// What [`link`] does, for whoever hears of its errors.
pub(super) const SHARING: &str = "sharing a source on the scratch disk";

/// Puts the source of the folder `from` into `to` as well, without another copy of its bytes. Waits for the disk.
pub(super) fn link(from: &Path, to: &Scratch) -> std::io::Result<()> {
    hard_link(from.join(SOURCE), to.path().join(SOURCE))
}

/// A place for a copy, which is filled by whoever needs it first.
pub(super) type Cell = Arc<OnceCell<SourceCopy>>;
type Whose = (TenantId, UploadId);

/// The copies of this process.
#[derive(Default)]
pub(crate) struct Copies {
    cells: Mutex<HashMap<Whose, Weak<OnceCell<SourceCopy>>>>,
}

impl Copies {
    /// The place for a source's copy. The copy goes with the last that holds it.
    pub(super) fn cell(&self, tenant: &TenantId, upload: &UploadId) -> Cell {
        let mut cells = locked(&self.cells);
        cells.retain(|_, cell| cell.strong_count() > 0);
        let whose = (tenant.clone(), upload.clone());
        if let Some(cell) = cells.get(&whose).and_then(Weak::upgrade) {
            return cell;
        }
        let cell = Cell::default();
        cells.insert(whose, Arc::downgrade(&cell));
        cell
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
