//! Named points on the way of an effect, at which a test may end the process or make a step fail.
//!
//! A point is before or after something that lasts: a commit, a call with an effect, a step of a consumer, a blob, a
//! child process. It is named `kind:what`, such as `commit.after:billing`. In a build without debug assertions every
//! point is nothing at all, so that no environment can end an operator's server.
//!
//! - `FAULTS_KILL_AT=commit.after:billing` ends the process by SIGKILL when it gets there; `…#3` the third time.
//! - `FAULTS_KILL_FILE=file` does what the file says, in the same words, as soon as it is there: passes count from then on.
//! - `FAULTS_TRACE=file` gets a line for every point that is passed, in order: this is how points are enumerated.
//! - [`fail_when`] makes steps of this thread fail, for simulations on a single thread.

use std::fmt::Display;

/// Passes the point `kind:what`. Answers whether the step is to fail here; ends the process instead where it was told to.
#[inline]
pub fn reached(kind: &'static str, what: impl Display) -> bool {
    #[cfg(debug_assertions)]
    return armed::reached(kind, &what);
    #[cfg(not(debug_assertions))]
    {
        let _ = (kind, what);
        false
    }
}

/// From now on, and until the guard is dropped, a step on this thread fails where `decide` answers `true` to its point's
/// name. Has no effect in a build without debug assertions.
pub fn fail_when(decide: impl FnMut(&str) -> bool + 'static) -> Failing {
    #[cfg(debug_assertions)]
    armed::install(Some(Box::new(decide)));
    #[cfg(not(debug_assertions))]
    drop(decide);
    Failing { _here: std::marker::PhantomData }
}

/// Steps fail for as long as this lives.
#[must_use = "steps fail for as long as this lives"]
pub struct Failing {
    _here: std::marker::PhantomData<*const ()>, // it belongs to its thread
}

impl Drop for Failing {
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        armed::install(None);
    }
}

#[cfg(debug_assertions)]
mod armed;
