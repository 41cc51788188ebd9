//! Work of a `drop`, which cannot wait for futures itself.

/// Runs to its end on a thread and a runtime of its own, since those of the test may be shutting down; none where it panics.
pub(crate) fn in_background<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(work)
    });
    thread.join().ok()
}
