//! One thread that starts all children.
//!
//! The kernel ends a child when the *thread* that started it ends (prctl(2), `PR_SET_PDEATHSIG`), and a runtime's
//! threads come and go. This one stays as long as its owner.

use std::{io, sync::mpsc, thread};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

type Birth = (Command, oneshot::Sender<io::Result<Child>>);

pub(super) struct Nursery {
    births: mpsc::Sender<Birth>,
}

impl Nursery {
    /// Children are waited for by the runtime that this is called on.
    pub(super) fn new() -> io::Result<Self> {
        let (births, wanted) = mpsc::channel::<Birth>();
        let runtime = Handle::current();
        thread::Builder::new().name("tessera-children".into()).spawn(move || {
            while let Ok((mut command, reply)) = wanted.recv() {
                let _entered = runtime.enter();
                // Nobody waits any more: the child is dropped, and killed by that.
                let _ = reply.send(command.spawn());
            }
        })?;
        Ok(Self { births })
    }

    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts children has ended");
        let (reply, born) = oneshot::channel();
        self.births.send((command, reply)).map_err(|_| gone())?;
        born.await.map_err(|_| gone())?
    }
}
