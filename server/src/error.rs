//! What a command says when it cannot do what was asked.

use std::{error::Error, fmt};

/// A command's failure: a sentence for a person, with its causes.
#[derive(Debug)]
pub(crate) struct CommandError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CommandError {
    /// A failure that a sentence says whole.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A failure of `doing`, and why.
    pub(crate) fn caused(doing: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: doing.into(), source: Some(source.into()) }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut next = self.source.as_deref().map(|e| e as &dyn Error);
        let mut said = self.message.clone();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some errors repeat their cause in their own text.
            if !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            next = cause.source();
        }
        Ok(())
    }
}

impl Error for CommandError {}
