//! Requests about selections, and waiting for the lists.

use std::collections::HashMap;
use std::time::Duration;

use tonic::Status;
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1 as pb;
use usher_service::grpc::invalid;
use usher_types::{ContactId, InvitationAction, Version};

use super::failure::{refused, status};
use super::request::{id, name};
use super::segments::resolved;
use super::{answer, filter, reads};
use crate::app::{App, Caller, Preview, Shown};
use crate::domain::filter::Selection;
use crate::domain::order::{ContactOrder, OrderField};
use crate::domain::refusal::{Code, InvitationCode};
use crate::storage::links::Opened;
use crate::storage::list::{ContactList, Listed};

/// Contacts of one step of a walk.
const STEP: i32 = 2_000;
/// Contacts that one call waits for.
const AWAITED: usize = 1_000;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);

pub(super) async fn preview(
    app: &App,
    caller: &Caller,
    request: pb::PreviewSelectionRequest,
) -> Result<pb::PreviewSelectionReply, Status> {
    let refusals = match asked(app, caller, request).await? {
        Ok(asked) => match app
            .preview_selection(caller, &asked.selection, asked.action)
            .await
        {
            Ok(preview) => {
                return Ok(pb::PreviewSelectionReply {
                    resolved: asked.resolved,
                    ..preview_reply(app, preview)
                });
            }
            Err(failure) => refused(failure)?,
        },
        Err(refusal) => vec![refusal],
    };
    Ok(pb::PreviewSelectionReply {
        refusals,
        ..Default::default()
    })
}

pub(super) async fn size(
    app: &App,
    caller: &Caller,
    request: pb::PreviewSelectionRequest,
) -> Result<pb::SizeSelectionReply, Status> {
    let refusals = match asked(app, caller, request).await? {
        Ok(asked) => match app.size_selection(caller, &asked.selection, asked.action).await {
            Ok(size) => {
                return Ok(pb::SizeSelectionReply {
                    total: size.total,
                    reaches_somebody: size.reaches_somebody,
                    resolved: asked.resolved,
                    refusals: Vec::new(),
                });
            }
            Err(failure) => refused(failure)?,
        },
        Err(refusal) => vec![refusal],
    };
    Ok(pb::SizeSelectionReply {
        refusals,
        ..Default::default()
    })
}

/// An action and whom it is for.
struct Asked {
    selection: Selection,
    action: InvitationAction,
    /// What a segment stands for.
    resolved: Option<pb::ContactSelection>,
}

async fn asked(
    app: &App,
    caller: &Caller,
    request: pb::PreviewSelectionRequest,
) -> Result<Result<Asked, Refusal>, Status> {
    let by_segment = matches!(
        request.selection,
        Some(pb::ContactSelection {
            of: Some(pb::contact_selection::Of::SegmentId(_))
        })
    );
    let Some(given) = resolved(app, caller, request.selection).await? else {
        return Ok(Err(no_such_segment()));
    };
    Ok(Ok(Asked {
        selection: filter::selection(Some(&given))?,
        action: name(&request.action, "action")?,
        resolved: by_segment.then_some(given),
    }))
}

fn preview_reply(app: &App, preview: Preview) -> pb::PreviewSelectionReply {
    let count = |(reason, count): (usher_types::IneligibleReason, i64)| pb::IneligibleCount {
        reason: reason.as_str().to_owned(),
        count,
    };
    let first = preview.first_eligible.as_ref();
    pb::PreviewSelectionReply {
        total: preview.counts.total,
        eligible: preview.counts.eligible,
        ineligible: preview.counts.ineligible.into_iter().map(count).collect(),
        first_locale: first.and_then(|view| view.contact.locale.clone()),
        first_time_zone: first.and_then(|view| view.contact.time_zone.clone()),
        first_eligible: preview
            .first_eligible
            .map(|view| answer::contact(view, Shown::Full, app.now())),
        first_accounts: preview.first_accounts,
        ..Default::default()
    }
}

fn no_such_segment() -> Refusal {
    Refusal {
        code: InvitationCode::NotFound.as_str().to_owned(),
        field: ["contacts", "segmentId"].map(str::to_owned).to_vec(),
        message: "There is no such segment.".to_owned(),
        ..Refusal::default()
    }
}

pub(super) async fn list_ineligible(
    app: &App,
    caller: &Caller,
    request: pb::ListIneligibleRequest,
) -> Result<pb::ListContactsReply, Status> {
    let given = resolved(app, caller, request.selection).await?;
    let selection = filter::selection(given.as_ref())?;
    let action = name(&request.action, "action")?;
    let reason = match request.reason.as_str() {
        "" => None,
        reason => Some(name(reason, "reason")?),
    };
    let list = ContactList {
        organization: caller.organization,
        listed: Listed::Judged(selection, action, reason),
        order: ContactOrder {
            field: OrderField::LastName,
            descending: false,
        },
    };
    reads::contacts(app, caller, &list, request.page).await
}

pub(super) async fn walk(
    app: &App,
    caller: &Caller,
    request: pb::WalkSelectionRequest,
) -> Result<pb::WalkSelectionReply, Status> {
    let selection = filter::selection(request.selection.as_ref())?;
    let after = request
        .after
        .as_ref()
        .map(|bytes| id(bytes, "after"))
        .transpose()?;
    let limit = u32::try_from(request.limit)
        .ok()
        .filter(|limit| *limit > 0 && request.limit <= STEP)
        .ok_or_else(|| invalid(format!("limit is 1 to {STEP}")))?;
    let walked = app
        .walk_selection(caller, &selection, after, limit)
        .await
        .map_err(status)?;
    let mut opened: HashMap<ContactId, Vec<Opened>> = HashMap::new();
    for one in walked.opened {
        opened.entry(one.contact).or_default().push(one);
    }
    let contacts = walked.contacts.into_iter().map(|view| {
        let opened = opened.remove(&view.contact.id).unwrap_or_default();
        answer::walked(view, opened)
    });
    Ok(pb::WalkSelectionReply {
        contacts: contacts.collect(),
        last: walked.last,
    })
}

pub(super) async fn await_portal(
    app: &App,
    caller: &Caller,
    request: pb::AwaitPortalRequest,
) -> Result<pb::AwaitPortalReply, Status> {
    if request.contacts.len() > AWAITED {
        return Err(invalid(format!("at most {AWAITED} contacts at once")));
    }
    let mut wanted = Vec::with_capacity(request.contacts.len());
    for contact in &request.contacts {
        wanted.push((
            id(&contact.contact_id, "contact_id")?,
            Version::from_raw(contact.raw_version),
        ));
    }
    let within = Duration::from_millis(u64::try_from(request.within_ms).unwrap_or_default()).min(LONGEST);
    let applied = app.await_portal(caller, &wanted, within).await.map_err(status)?;
    Ok(pb::AwaitPortalReply { applied })
}
