//! A transaction in a scope.

use std::{
    fmt,
    pin::Pin,
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{StreamExt, stream::BoxStream};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, StreamTrait,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{Executor, Postgres, Sqlite, postgres::PgArguments, query::Query};
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

use crate::{Dialect, Wake, bind, database::PLAN_AFRESH, observe::Observed};

/// A transaction in a [`crate::Scope`]. It runs sea-orm's queries ([`ConnectionTrait`], [`StreamTrait`]). Dropping it rolls
/// back.
#[derive(Debug)]
pub struct Transaction {
    inner: Inner,
    /// None for a transaction that only reads.
    wake: Option<Wake>,
    speaks: AtomicBool,
    urgently: AtomicBool,
    afterwards: Afterwards,
    // Declared last: the next writer starts when this one's transaction is over.
    _writer: Option<OwnedMutexGuard<()>>,
}

/// What is done once the transaction lasts, see [`Transaction::after_commit`].
#[derive(Default)]
struct Afterwards(std::sync::Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl fmt::Debug for Afterwards {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Afterwards").finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(Mutex<sqlx::Transaction<'static, Sqlite>>),
    Postgres(Mutex<sqlx::Transaction<'static, Postgres>>),
}

impl Transaction {
    pub(crate) fn new(inner: Inner, wake: Option<Wake>, writer: Option<OwnedMutexGuard<()>>) -> Self {
        Self {
            inner,
            wake,
            speaks: AtomicBool::new(false),
            urgently: AtomicBool::new(false),
            afterwards: Afterwards::default(),
            _writer: writer,
        }
    }

    /// Which SQL it speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Sqlite(_) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
        }
    }

    fn observed(&self, sql: &str) -> Observed {
        Observed::new(self.dialect(), sql)
    }

    /// A statement of this dialect, prepared once a connection and text.
    pub fn statement(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = sea_orm::Value>,
    ) -> Statement {
        Statement::from_sql_and_values(self.dialect().backend(), sql, values)
    }

    /// Plans each statement for the tables as they are now, as consumers do. For set-based work in an organization's scope that
    /// may find many rows or few.
    ///
    /// # Errors
    /// Where the database is gone.
    pub async fn plan_afresh(&self) -> Result<(), DbErr> {
        if self.dialect() == Dialect::Postgres {
            self.execute_unprepared(PLAN_AFRESH).await?;
        }
        Ok(())
    }

    /// Notes that the outbox was written to, so that the commit wakes the relay: `urgently` where somebody waits for what was
    /// written. `usher_messaging::enqueue` calls it.
    pub fn speaks(&self, urgently: bool) {
        self.speaks.store(true, Ordering::Relaxed);
        self.urgently.fetch_or(urgently, Ordering::Relaxed);
    }

    /// Does `work` once the transaction lasts, in the order in which it was asked for, and never if it does not last: wakes
    /// somebody, or counts. It must not wait.
    pub fn after_commit(&self, work: impl FnOnce() + Send + 'static) {
        let mut afterwards = self.afterwards.0.lock().unwrap_or_else(PoisonError::into_inner);
        afterwards.push(Box::new(work));
    }

    /// Makes it last, then wakes whoever waits for commits. Of a [`crate::Database::read`] there is nothing to make last: it
    /// is dropped, which saves a round trip, since the rollback travels with the pool's own check of the connection.
    ///
    /// # Errors
    /// Where the database refuses or is gone. What became of the transaction is then unknown if the connection was
    /// lost; callers that may try again need to be idempotent.
    pub async fn commit(self) -> Result<(), DbErr> {
        let Self {
            inner,
            wake: Some(wake),
            speaks,
            urgently,
            afterwards,
            _writer,
        } = self
        else {
            return Ok(());
        };
        match inner {
            Inner::Sqlite(transaction) => transaction.into_inner().commit().await,
            Inner::Postgres(transaction) => transaction.into_inner().commit().await,
        }
        .map_err(exec_error)?;
        wake.committed(speaks.into_inner(), urgently.into_inner());
        for work in afterwards.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            work();
        }
        Ok(())
    }

    /// Undoes it now rather than when the connection is next used.
    ///
    /// # Errors
    /// Where the database is gone, in which case nothing lasted either.
    pub async fn rollback(self) -> Result<(), DbErr> {
        if self.wake.is_none() {
            return Ok(());
        }
        match self.inner {
            Inner::Sqlite(transaction) => transaction.into_inner().rollback().await,
            Inner::Postgres(transaction) => transaction.into_inner().rollback().await,
        }
        .map_err(exec_error)
    }
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.dialect().backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let observed = self.observed(&statement.sql);
        match &self.inner {
            Inner::Sqlite(lock) => observed
                .around(bind::sqlite(statement).execute(&mut **lock.lock().await))
                .await
                .map(ExecResult::from),
            Inner::Postgres(lock) => observed
                .around(bind::postgres(statement)?.execute(&mut **lock.lock().await))
                .await
                .map(ExecResult::from),
        }
        .map_err(exec_error)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let observed = self.observed(sql);
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.inner {
            Inner::Sqlite(lock) => {
                let mut connection = lock.lock().await;
                observed
                    .around(connection.execute(sql))
                    .await
                    .map(ExecResult::from)
            }
            Inner::Postgres(lock) => {
                let mut connection = lock.lock().await;
                observed
                    .around(connection.execute(sql))
                    .await
                    .map(ExecResult::from)
            }
        }
        .map_err(exec_error)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let observed = self.observed(&statement.sql);
        match &self.inner {
            Inner::Sqlite(lock) => observed
                .around(bind::sqlite(statement).fetch_optional(&mut **lock.lock().await))
                .await
                .map(|row| row.map(QueryResult::from)),
            Inner::Postgres(lock) => observed
                .around(bind::postgres(statement)?.fetch_optional(&mut **lock.lock().await))
                .await
                .map(|row| row.map(QueryResult::from)),
        }
        .map_err(query_error)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let observed = self.observed(&statement.sql);
        match &self.inner {
            Inner::Sqlite(lock) => observed
                .around(bind::sqlite(statement).fetch_all(&mut **lock.lock().await))
                .await
                .map(|rows| rows.into_iter().map(QueryResult::from).collect()),
            Inner::Postgres(lock) => observed
                .around(bind::postgres(statement)?.fetch_all(&mut **lock.lock().await))
                .await
                .map(|rows| rows.into_iter().map(QueryResult::from).collect()),
        }
        .map_err(query_error)
    }
}

type Rows<'a> = BoxStream<'a, Result<QueryResult, DbErr>>;

/// The stream keeps the connection: while it lives, other statements of the transaction wait.
impl StreamTrait for Transaction {
    type Stream<'a> = Rows<'a>;

    fn get_database_backend(&self) -> DbBackend {
        self.dialect().backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            Ok(match &self.inner {
                Inner::Sqlite(lock) => sqlite_rows(lock.lock().await, bind::sqlite(statement)),
                Inner::Postgres(lock) => postgres_rows(lock.lock().await, bind::postgres(statement)?),
            })
        })
    }
}

/// One stream over a locked connection. The rows borrow the guard, so both live in one generator.
macro_rules! rows {
    ($name:ident, $database:ty, $arguments:ty) => {
        fn $name<'a>(
            mut guard: MutexGuard<'a, sqlx::Transaction<'static, $database>>,
            query: Query<'static, $database, $arguments>,
        ) -> Rows<'a> {
            Box::pin(async_stream::stream! {
                let mut rows = query.fetch(&mut **guard);
                while let Some(row) = rows.next().await {
                    yield row.map(QueryResult::from).map_err(query_error);
                }
            })
        }
    };
}

rows!(sqlite_rows, Sqlite, SqlxValues);
rows!(postgres_rows, Postgres, PgArguments);
