//! What children have cost and said, for whoever pays for them and reads about them.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{LOOK, usage};

/// Lines that wait to be taken; what comes after them is dropped.
const LINES_MAX: usize = 64;
/// Characters of a line.
const LINE_MAX: usize = 4_000;

/// The account of one piece of work.
#[derive(Debug, Default)]
pub(crate) struct Account(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    /// Processor time of children that have ended.
    ended: Duration,
    /// The same of those that run, when last looked at.
    running: BTreeMap<u32, Duration>,
    lines: Vec<String>,
}

impl Account {
    /// Processor time used so far.
    pub(crate) fn spent(&self) -> Duration {
        let books = self.books();
        books.ended + books.running.values().sum::<Duration>()
    }

    /// Writes a line, without what only this machine understands.
    pub(crate) fn say(&self, line: &str) {
        let mut books = self.books();
        if books.lines.len() < LINES_MAX {
            books.lines.push(scrubbed(line));
        }
    }

    /// The lines since they were last taken.
    pub(crate) fn take_lines(&self) -> Vec<String> {
        std::mem::take(&mut self.books().lines)
    }

    /// Adds what was spent elsewhere.
    pub(crate) fn charge(&self, spent: Duration) {
        self.books().ended += spent;
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running child on an account; what was last seen of it is charged when it is gone, however it went.
pub(super) struct Entry {
    account: Arc<Account>,
    child: u32,
}

impl Entry {
    pub(super) fn open(account: Arc<Account>, child: u32) -> Self {
        account.books().running.insert(child, Duration::ZERO);
        Self { account, child }
    }

    /// Sees what the child has used, which only grows.
    pub(super) fn used(&self, used: Duration) {
        let mut books = self.account.books();
        let seen = books.running.entry(self.child).or_default();
        *seen = used.max(*seen);
    }

    /// Looks now and then, for ever.
    pub(super) async fn follow(&self) -> Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            let child = self.child;
            if let Ok(Some(used)) = tokio::task::spawn_blocking(move || usage::of_tree(child)).await {
                self.used(used);
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut books = self.account.books();
        let last = books.running.remove(&self.child).unwrap_or_default();
        books.ended += last;
    }
}

/// The line with every absolute path taken out of it, and no longer than a line may be.
fn scrubbed(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let at = word.find('/').filter(|&at| word[..at].chars().all(|c| !c.is_alphanumeric()));
        at.map_or_else(|| word.to_owned(), |at| format!("{}…", &word[..at]))
    });
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(LINE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_rates_and_folders_of_ours_and_loses_paths() {
        for (line, told) in [
            ("ffmpeg -i source fps=30000/1001 out/v720.cmft", "ffmpeg -i source fps=30000/1001 out/v720.cmft"),
            ("writing /var/lib/tessera/x failed", "writing … failed"),
            ("opening '/etc/passwd': no", "opening '… no"),
            ("two\nlines", "twolines"),
        ] {
            assert_eq!(scrubbed(line), told);
        }
        assert_eq!(scrubbed(&"é".repeat(10_000)).chars().count(), LINE_MAX);
    }

    #[test]
    fn what_a_child_has_used_counts_once_whether_it_runs_or_is_gone() {
        let account = Arc::new(Account::default());
        account.charge(Duration::from_secs(1));
        let entry = Entry::open(account.clone(), 7);
        entry.used(Duration::from_secs(5));
        entry.used(Duration::from_secs(3));
        assert_eq!(account.spent(), Duration::from_secs(6));
        drop(entry);
        assert_eq!(account.spent(), Duration::from_secs(6));
    }

    #[test]
    fn nobody_fills_the_memory_with_lines() {
        let account = Account::default();
        (0..10_000).for_each(|_| account.say("again"));
        assert_eq!(account.take_lines().len(), LINES_MAX);
        assert_eq!(account.take_lines().len(), 0);
    }
}
