//! What contacts says about a selection.

use chrono::{DateTime, Utc};
use usher_auth::Service;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{ContactSelection, OpenedAccount, WalkSelectionRequest, WalkedContact};
use usher_proto::{datetime, id_from};
use usher_types::{AccountId, ContactId, EmailState, OrganizationId, Version};

use super::Failure;
use super::context::App;
use crate::domain::portal::{Person, own_state};

/// A contact of a selection with the facts that decide.
#[derive(Clone, Debug)]
pub(crate) struct Walked {
    pub(crate) contact: ContactId,
    pub(crate) person: Person,
    /// As contacts knows it, bounces and suppressions included.
    pub(crate) email_state: EmailState,
    /// The accounts that the contact has just been let into, where they are in already (I13).
    pub(crate) opened: Vec<Opened>,
}

/// An account for which a contact's login was switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) at: DateTime<Utc>,
}

impl Opened {
    fn read(opened: OpenedAccount) -> Option<Self> {
        Some(Self {
            account: id_from(&opened.id)?,
            name: opened.name,
            at: datetime(opened.at?)?,
        })
    }
}

impl Walked {
    fn read(walked: WalkedContact) -> Result<Self, Failure> {
        let wrong = |_| Failure::broken("contacts sent a name that this version does not know");
        let email_state: EmailState = walked.email_state.parse().map_err(wrong)?;
        Ok(Self {
            contact: id_from(&walked.id)
                .ok_or_else(|| Failure::broken("contacts sent an id that is none"))?,
            person: Person {
                version: Version::from_raw(walked.raw_version),
                role: walked.role.parse().map_err(wrong)?,
                active: walked.active,
                links: walked.links,
                links_with_login: walked.links_with_login,
                email: walked.email,
                email_canonical: walked.email_canonical,
                email_state: own_state(email_state),
                email_duplicate: walked.email_duplicate,
                test: walked.test,
                first_name: walked.first_name,
                last_name: walked.last_name,
                locale: walked.locale,
                time_zone: walked.time_zone,
            },
            email_state,
            opened: walked.opened.into_iter().filter_map(Opened::read).collect(),
        })
    }
}

impl App {
    /// The next contacts of a selection, and whether they are the last. Never inside a transaction.
    pub(crate) async fn walk(
        &self,
        organization: OrganizationId,
        selection: &ContactSelection,
        after: Option<ContactId>,
        limit: i32,
    ) -> Result<(Vec<Walked>, bool), Failure> {
        let request = WalkSelectionRequest {
            selection: Some(selection.clone()),
            after: after.map(usher_proto::bytes_of),
            limit,
        };
        let bearer = self.bearer(Service::Contacts, organization)?;
        let reply = self
            .contacts()
            .walk_selection(bearer.on(request))
            .await?
            .into_inner();
        let contacts = reply.contacts.into_iter().map(Walked::read);
        Ok((contacts.collect::<Result<_, _>>()?, reply.last))
    }
}

/// The ids of a selection by ids, once each; none for another kind, an error where one is no id at all.
pub(crate) fn ids_of(selection: &ContactSelection) -> Option<Result<Vec<ContactId>, Failure>> {
    let Some(Of::Ids(ids)) = &selection.of else {
        return None;
    };
    let parsed: Option<Vec<ContactId>> = ids.ids.iter().map(|id| id_from(id)).collect();
    Some(parsed.ok_or_else(unknown_ids).map(|mut ids| {
        ids.sort_unstable();
        ids.dedup();
        ids
    }))
}

/// Whether a selection may mean more than one contact, which needs `email.bulk` (I15).
pub(crate) fn is_bulk(selection: &ContactSelection, ids: Option<&[ContactId]>) -> bool {
    match (&selection.of, ids) {
        (_, Some(ids)) => ids.len() > 1,
        (Some(Of::Linked(linked)), None) => linked.contact_id.is_none(),
        _ => true,
    }
}

/// Unknown, malformed and another organization's ids look the same.
pub(crate) fn unknown_ids() -> Failure {
    super::refuse(
        "NOT_FOUND",
        &["contacts", "ids"],
        "some of these contacts do not exist",
    )
    .into()
}
