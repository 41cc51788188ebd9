//! GraphQL: the schema, and how its fields are answered.

mod follow;
mod input;
mod limits;
mod load;
mod loaders;
mod mutation;
mod nulls;
mod order;
mod query;
mod query_operations;
mod query_people;
mod scan;
mod schema;
mod scope;
mod shapes;
mod subscription;
pub mod types;

pub(crate) use limits::Given;
pub use limits::Limits;
pub(crate) use order::{Order, root_fields};
pub(crate) use scan::scan;
pub use schema::{Kind, Operation, Schema, build, operations, sdl};
pub(crate) use scope::answer;
pub use scope::{Backends, Caller, Scope};
pub(crate) use shapes::Shapes;
