//! One test text, two tests.

/// Makes each function a test on SQLite and one on PostgreSQL, named `function::sqlite` and `function::postgres`. Each run has
/// a [`TestDatabase`](crate::TestDatabase) of its own with all schemas.
///
/// ```
/// usher_testkit::dialects! {
///     /// Rows of one organization are hidden from another.
///     async fn w1_rows_are_hidden(db: usher_testkit::TestDatabase) {
///         let database = db.service("contacts").await;
///         // …
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! dialects {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident: $type:ty) $body:block)+) => {$(
        $(#[$meta])*
        #[cfg(test)]
        async fn $name($database: $type) $body

        #[cfg(test)]
        mod $name {
            #[test]
            fn sqlite() {
                $crate::block_on(async { super::$name($crate::TestDatabase::sqlite().await).await });
            }

            #[test]
            fn postgres() {
                $crate::block_on(async { super::$name($crate::TestDatabase::postgres().await).await });
            }
        }
    )+};
}

/// Runs a test's future; for [`dialects!`].
#[doc(hidden)]
pub fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(test);
}
