//! Work that is done to its end, whether or not anybody waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::spawn::Spawner;

/// Does its work while it is polled; if it is dropped before the end, the rest runs in a task.
/// Whoever keeps it without polling it holds up no work but its own.
#[must_use]
pub(crate) struct ToTheEnd<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    spawner: Arc<dyn Spawner>,
}

impl<T: Send + 'static> ToTheEnd<T> {
    pub(crate) fn new(
        spawner: &Arc<dyn Spawner>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        Self { work: Some(Box::pin(work)), spawner: Arc::clone(spawner) }
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let done = std::task::ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.spawner.spawn(Box::pin(async move { drop(work.await) }));
        }
    }
}
