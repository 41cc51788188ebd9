//! Protobuf in and out; failures become statuses here, once.

mod answer;
mod contacts_service;
mod failure;
mod filter;
mod mutations;
mod reads;
mod request;
mod segments;
mod selections;

pub(crate) use contacts_service::ContactsService;
pub(crate) use segments::SegmentsService;
