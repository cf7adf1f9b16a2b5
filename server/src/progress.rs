//! Progress on long work: a bar at a terminal, a line at each stage elsewhere.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::say;

/// One long piece of work.
pub(crate) struct Progress {
    bar: ProgressBar,
    name: String,
    stage: String,
    terminal: bool,
}

impl Progress {
    /// Begins: `name` says what is worked on.
    pub(crate) fn begin(name: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = match terminal {
            true => ProgressBar::new(100),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("  {prefix:28} {bar:32.cyan/dim} {percent:>3} %  {msg}");
        bar.set_style(style.expect("a literal template is valid").progress_chars("━━─"));
        bar.set_prefix(name.chars().take(28).collect::<String>());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, name: name.to_owned(), stage: String::new(), terminal }
    }

    /// How far it is, 0 to 100, and what is being done.
    pub(crate) fn at(&mut self, percent: u8, stage: &str) {
        self.bar.set_position(percent.min(100).into());
        if self.stage != stage {
            self.stage = stage.to_owned();
            self.bar.set_message(stage.to_owned());
            self.line(&format!("{stage} …"));
        }
    }

    /// How fast the stage goes, where that is known; at a terminal alone.
    pub(crate) fn pace(&mut self, pace: Option<String>) {
        match pace {
            Some(pace) => self.bar.set_message(format!("{}, {pace}", self.stage)),
            None => self.bar.set_message(self.stage.clone()),
        }
    }

    /// Something that people want to know before it is done.
    pub(crate) fn note(&self, text: &str) {
        match self.terminal {
            true => self.bar.println(format!("  {}: {text}", self.name)),
            false => self.line(text),
        }
    }

    /// It is done; `result` is what came of it.
    pub(crate) fn done(self, result: &str) {
        self.bar.set_position(100);
        self.bar.finish_with_message(result.to_owned());
        self.line(result);
    }

    /// It failed; the error itself is told by the caller.
    pub(crate) fn failed(self) {
        self.bar.abandon_with_message("failed");
        self.line("failed");
    }

    fn line(&self, text: &str) {
        if !self.terminal {
            say(&format!("  {}: {text}", self.name));
        }
    }
}
