//! What the page behind a link may show. Reading it uses nothing up (I7).

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_types::{EmailAddress, LinkState, RawToken};

use super::Failure;
use super::context::App;
use super::issue::PURPOSE;
use crate::domain::link::{InvitationState, link_state};
use crate::domain::organization::Organization;
use crate::domain::portal::Access;
use crate::storage::invitation::{self, Invitation};
use crate::storage::member::{self, Member};
use crate::storage::{access, funnel, organization};

/// What the page may show.
#[derive(Clone, Debug)]
pub(crate) struct Landing {
    pub(crate) state: LinkState,
    /// None where the link is INVALID: then nothing is said at all.
    pub(crate) shown: Option<Shown>,
}

/// What is shown of a link that was real.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) organization: Organization,
    pub(crate) masked_email: Option<String>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) newest_sent_at: Option<DateTime<Utc>>,
    /// How the recipient reads.
    pub(crate) reader: Reader,
}

/// What the recipient of a link reads in, and as whom they sign in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    /// Their own.
    pub(crate) locale: Option<String>,
    /// Their own.
    pub(crate) time_zone: Option<String>,
    /// A person of the firm, not a contact.
    pub(crate) member: bool,
}

impl Reader {
    /// A contact, where we have heard of them.
    pub(super) fn contact(row: Option<&Access>) -> Self {
        Self {
            locale: row.and_then(|row| row.person.locale.clone()),
            time_zone: row.and_then(|row| row.person.time_zone.clone()),
            member: false,
        }
    }

    /// A member, who reads as the firm does.
    pub(super) fn member() -> Self {
        Self {
            member: true,
            ..Self::default()
        }
    }
}

/// A link that was found, and what it is worth.
pub(crate) struct Found {
    pub(crate) invitation: Invitation,
    pub(crate) organization: Organization,
    pub(crate) state: LinkState,
}

/// Whose link it is, locked until the transaction's end: everybody takes the person's row first and the invitation's second.
pub(super) enum Whose {
    Contact(Box<Access>),
    Member(Box<Member>),
}

impl Whose {
    /// None where the person has gone.
    pub(super) async fn lock(tx: &Transaction, invitation: &Invitation) -> Result<Option<Self>, Failure> {
        let organization = invitation.organization;
        Ok(match (invitation.contact, invitation.member) {
            (Some(contact), _) => {
                let row = access::lock(tx, organization, [contact]).await?.pop();
                row.map(|row| Self::Contact(Box::new(row)))
            }
            (None, Some(member)) => {
                let row = member::lock(tx, organization, member).await?;
                row.map(|row| Self::Member(Box::new(row)))
            }
            (None, None) => None,
        })
    }
}

/// Looks a token up; none for one that was never a link's.
pub(crate) async fn find_link(
    tx: &Transaction,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<Found>, Failure> {
    let Some(token) = RawToken::parse(token) else {
        return Ok(None);
    };
    let Some(invitation) = invitation::find_by_token(tx, token.hash(PURPOSE)).await? else {
        return Ok(None);
    };
    let Some(organization) = organization::find(tx, invitation.organization).await? else {
        return Ok(None);
    };
    // the switch is about contacts: members get in all the same
    let usable = organization.portal_enabled || invitation.contact.is_none();
    let state = link_state(invitation.state, invitation.expires_at, usable, now);
    Ok(Some(Found {
        invitation,
        organization,
        state,
    }))
}

impl App {
    /// The first look at the page is an insight (I18). Nothing depends on it, the answer least of all.
    async fn note_opened(&self, found: &Found) {
        let noted = async {
            let tx = self.write(found.organization.id).await?;
            funnel::note_opened(&tx, found.organization.id, found.invitation.id, self.now()).await?;
            tx.commit().await
        };
        if !found.invitation.opened
            && let Err(error) = noted.await
        {
            tracing::debug!(%error, "that a page was opened is not noted");
        }
    }

    /// The landing of a link's token.
    pub(crate) async fn landing(&self, token: &str) -> Result<Landing, Failure> {
        let nothing = Landing {
            state: LinkState::Invalid,
            shown: None,
        };
        let tx = self.read_any().await?;
        let Some(found) = find_link(&tx, token, self.now()).await? else {
            return Ok(nothing);
        };
        if found.state == LinkState::Invalid {
            return Ok(nothing);
        }
        let newest_sent_at = match found.invitation.state {
            InvitationState::Superseded => invitation::newest_sent_at(&tx, &found.invitation).await?,
            _ => None,
        };
        let reader = match found.invitation.contact {
            Some(contact) => {
                let row = access::find(&tx, found.organization.id, contact).await?;
                Reader::contact(row.as_ref())
            }
            None => Reader::member(),
        };
        drop(tx);
        self.note_opened(&found).await;
        let address = EmailAddress::parse(&found.invitation.email);
        Ok(Landing {
            state: found.state,
            shown: Some(Shown {
                masked_email: address.ok().map(|address| address.masked()),
                expires_at: found.invitation.expires_at,
                organization: found.organization,
                newest_sent_at,
                reader,
            }),
        })
    }
}
