//! The audit record of what staff do: an event in the commit of its effect.

use tessera_contract::{Cx, Failure};

use crate::{
    Param, Tx, outbox,
    tx::{Progress, Scope},
};

/// Changes that a record names at most; a bulk operation's events say the rest themselves.
pub(crate) const CHANGES: usize = 16;

/// Writes the record of what `cx`'s caller does into this transaction, unless there is none to write or an earlier
/// commit has it. Whether it did.
pub(crate) async fn record(tx: &mut Tx, cx: &Cx) -> Result<bool, Failure> {
    let Some(deed) = cx.deed().filter(|deed| !deed.is_settled() && tx.broken().is_none()) else { return Ok(false) };
    let Progress { changes, answer, .. } = &mut tx.progress;
    let (changes, answer) = (std::mem::take(changes), answer.take());
    let record = deed.record(cx, tx.now(), &changes, answer.as_ref());
    let mut values = outbox::values(cx, tx.now(), &record)?;
    if let Scope::System = tx.scope {
        values.insert(0, Param::from(&cx.tenant));
    }
    tx.execute(outbox::INSERT, values).await?;
    tx.progress.events += 1;
    Ok(true)
}
