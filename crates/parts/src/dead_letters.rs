//! The gRPC edge of messages that could not be handled, the same for every service.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_database::{Database, Scope, Transaction, is_unavailable};
use usher_messaging::{DeadLetter, Which, ask_replay, dead_letters};
use usher_proto::operations::v1 as wire;
use usher_proto::operations::v1::dead_letters_server::{DeadLetters, DeadLettersServer};
use usher_proto::{bytes_of, id_from, timestamp};
use usher_service::grpc::{internal, invalid, organization, require, unavailable};
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::Parts;

/// The most that one call lists or replays.
const MOST: usize = 100;

/// Answers for one service's letters.
#[derive(Clone, Debug)]
pub struct Letters {
    database: Database,
}

impl Parts {
    /// What a service serves beside its own calls.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLettersServer<Letters> {
        DeadLettersServer::new(Letters {
            database: self.database.clone(),
        })
    }
}

#[tonic::async_trait]
impl DeadLetters for Letters {
    async fn list_dead_letters(
        &self,
        request: Request<wire::ListDeadLettersRequest>,
    ) -> Result<Response<wire::DeadLettersReply>, Status> {
        let caller = require(&request, Operation::ListDeadLetters)?;
        let organization = organization(&caller)?;
        let asked = request.into_inner();
        let limit = u64::from(asked.limit);
        if limit == 0 || limit > MOST as u64 {
            return Err(invalid("limit is between 1 and 100"));
        }
        let which = Which {
            replayed: asked.replayed,
            ..of(organization)
        };
        let work = async {
            let tx = self.database.read(Scope::Organization(organization)).await?;
            dead_letters(&tx, which, limit).await
        };
        reply(work.await)
    }

    async fn replay_dead_letters(
        &self,
        request: Request<wire::ReplayDeadLettersRequest>,
    ) -> Result<Response<wire::DeadLettersReply>, Status> {
        let caller = require(&request, Operation::ReplayDeadLetters)?;
        let organization = organization(&caller)?;
        let asked = request.into_inner();
        if asked.ids.len() > MOST {
            return Err(invalid("at most 100 ids"));
        }
        let ids: Option<Vec<Uuid>> = asked.ids.iter().map(|id| id_from(id)).collect();
        let which = Which {
            ids: Some(ids.ok_or_else(|| invalid("ids are 16 bytes each"))?),
            ..of(organization)
        };
        let work = async {
            let tx: Transaction = self.database.write(Scope::Organization(organization)).await?;
            let letters = ask_replay(&tx, which).await?;
            tx.commit().await?;
            Ok(letters)
        };
        reply(work.await)
    }
}

fn of(organization: OrganizationId) -> Which {
    Which {
        organization: Some(organization),
        ..Which::default()
    }
}

fn reply(
    letters: Result<Vec<DeadLetter>, sea_orm::DbErr>,
) -> Result<Response<wire::DeadLettersReply>, Status> {
    match letters {
        Ok(letters) => Ok(Response::new(wire::DeadLettersReply {
            letters: letters.into_iter().map(letter).collect(),
        })),
        Err(error) if is_unavailable(&error) => Err(unavailable(&error)),
        Err(error) => Err(internal(&error)),
    }
}

fn letter(letter: DeadLetter) -> wire::DeadLetter {
    let said_at = letter.envelope.as_ref().map(|envelope| timestamp(envelope.time));
    wire::DeadLetter {
        id: bytes_of(letter.id),
        queue: letter.queue,
        r#type: letter.envelope.map(|envelope| envelope.kind).unwrap_or_default(),
        reason: letter.reason,
        given_up_at: Some(timestamp(letter.at)),
        said_at,
        asked_at: letter.asked_at.map(timestamp),
        replayed_at: letter.replayed_at.map(timestamp),
    }
}
