//! Why a new contact cannot be invited at once (I3).

use usher_types::{
    EmailFact, Facts, IneligibleReason, InvitationAction, LoginFact, PortalStatus, eligibility,
};

use super::{
    contact_draft::ContactDraft,
    refusal::{ContactCode as Code, Refusal},
};

impl ContactDraft {
    /// Why it cannot be invited at once, in words, where it cannot (I3).
    pub(crate) fn not_invitable(&self, email: EmailFact, portal_enabled: bool) -> Option<Refusal<Code>> {
        let refuse = |message: &str| Some(Refusal::new(Code::NotInvitable, &["invite"], message));
        if !portal_enabled {
            return refuse("The portal is switched off.");
        }
        let (links, with_login) = self.links();
        let facts = Facts {
            active: true,
            role: self.role,
            status: PortalStatus::Waiting,
            login: LoginFact::from_counts(links, with_login),
            email,
            opened: false,
        };
        match eligibility(facts, InvitationAction::Send) {
            Ok(()) => None,
            Err(IneligibleReason::RoleNotInvitable) => refuse("A lead cannot be invited."),
            Err(IneligibleReason::LoginDisabled) => refuse("Login is off for every account."),
            Err(IneligibleReason::NoEmail) => refuse("There is no e-mail address to write to."),
            Err(IneligibleReason::InvalidEmail) => refuse("This e-mail address is a placeholder."),
            Err(IneligibleReason::EmailSuppressed) => {
                refuse("This e-mail address gets no mail: it is suppressed.")
            }
            Err(IneligibleReason::EmailBounced) => refuse("This e-mail address bounced."),
            Err(_) => refuse("This contact cannot be invited."),
        }
    }
}

#[cfg(test)]
mod tests {
    use usher_types::ContactRole;

    use super::*;
    use crate::domain::contact_draft::{ContactInput, tests::input};

    #[test]
    fn i3_only_who_is_eligible_is_invited_at_creation() {
        let draft = |role| {
            ContactDraft::new(ContactInput {
                invite: true,
                ..input(role)
            })
            .unwrap()
        };
        let client = draft(ContactRole::Client);
        assert_eq!(client.not_invitable(EmailFact::Usable, true), None);
        let message = |refusal: Option<Refusal<Code>>| refusal.map(|refusal| (refusal.code, refusal.message));
        for (refusal, words) in [
            (
                client.not_invitable(EmailFact::Usable, false),
                "The portal is switched off.",
            ),
            (
                draft(ContactRole::Lead).not_invitable(EmailFact::Usable, true),
                "A lead cannot be invited.",
            ),
            (
                client.not_invitable(EmailFact::None, true),
                "There is no e-mail address to write to.",
            ),
            (
                client.not_invitable(EmailFact::Invalid, true),
                "This e-mail address is a placeholder.",
            ),
        ] {
            assert_eq!(message(refusal), Some((Code::NotInvitable, words.to_owned())));
        }
    }
}
