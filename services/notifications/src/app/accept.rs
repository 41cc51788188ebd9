//! Letters come in: they are rows before anything else (N1).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::{Deliver, Lane};

use super::publish_ended;
use crate::render::Sender;
use crate::storage::{self, NewLetter};

/// A contact's first letter has generation 1; only later ones can replace others.
const FIRST_GENERATION: i64 = 1;

/// Stores the letters of many deliveries and cancels the waiting letters that they replace.
///
/// # Errors
/// Where the database does not answer.
pub async fn accept(
    tx: &Transaction,
    sender: &Sender,
    deliveries: &[(Deliver, Option<String>)],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let mailings: HashMap<_, _> = deliveries
        .iter()
        .map(|(deliver, _)| (deliver.mailing.id, &deliver.mailing))
        .collect();
    let mailings: Vec<_> = mailings.into_values().collect();
    storage::insert_mailings(tx, &mailings, now).await?;
    let held = storage::held_mailings(tx, mailings.iter().map(|mailing| mailing.id)).await?;
    let letters: Vec<_> = deliveries
        .iter()
        .flat_map(|(deliver, traceparent)| {
            let held = held.contains(&deliver.mailing.id);
            letters(sender, deliver, traceparent.as_deref(), held)
        })
        .collect();
    let mut ended = storage::insert_letters(tx, &letters, now).await?;
    let mut newest = HashMap::new();
    for letter in letters
        .iter()
        .filter(|new| new.letter.generation > FIRST_GENERATION)
    {
        if let Some(contact) = letter.letter.contact_id {
            let generation = newest
                .entry((letter.mailing.organization_id, contact))
                .or_insert(letter.letter.generation);
            *generation = letter.letter.generation.max(*generation);
        }
    }
    let newest: Vec<_> = newest
        .into_iter()
        .map(|((organization, contact), generation)| (organization, contact, generation))
        .collect();
    ended.extend(storage::cancel_older_generations(tx, &newest, now).await?);
    publish_ended(tx, ended, now).await
}

fn letters<'a>(
    sender: &Sender,
    deliver: &'a Deliver,
    traceparent: Option<&'a str>,
    held: bool,
) -> impl Iterator<Item = NewLetter<'a>> {
    // A command with one letter is somebody's click; a mass comes in commands of many.
    let lane = if deliver.letters.len() == 1 {
        Lane::Interactive
    } else {
        Lane::Bulk
    };
    deliver.letters.iter().map(move |letter| NewLetter {
        mailing: &deliver.mailing,
        letter,
        lane,
        held,
        rfc_message_id: sender.message_id(letter.message_id),
        traceparent,
    })
}
