//! GraphQL: the schema, and how its fields are answered.

mod follow;
mod input;
mod limits;
mod load;
mod loaders;
mod mutation;
mod nulls;
mod query;
mod query_operations;
mod query_people;
mod schema;
mod scope;
mod subscription;
pub mod types;

pub use limits::Limits;
pub(crate) use limits::{LONGEST_DOCUMENT, is_too_deep};
pub(crate) use nulls::Nulls;
pub use schema::{Kind, Operation, Schema, SchemaSettings, build, operations, sdl};
pub(crate) use scope::answer;
pub use scope::{Backends, Caller, Scope};
