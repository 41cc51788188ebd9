//! What is looked at, and what it says.

use usher_types::{ContactRole, DeliveryState, EmailState, PortalStatus};

use super::Known;
use crate::domain::waits::Gate;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal),+ $(,)?) => {
        /// What was looked at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $code),+ }

        impl Code {
            /// Every code, in the order in which they are looked at.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The name in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name),+ }
            }
        }
    };
}

codes! {
    /// The organization's switch.
    PortalOn = "PORTAL_ON",
    /// The contact is active.
    ContactActive = "CONTACT_ACTIVE",
    /// The contact is no lead.
    RoleInvitable = "ROLE_INVITABLE",
    /// A link has login on, or there are none.
    LoginOn = "LOGIN_ON",
    /// There is an address.
    EmailGiven = "EMAIL_GIVEN",
    /// The address is well-formed and no placeholder.
    EmailValid = "EMAIL_VALID",
    /// Nobody else has the address.
    EmailUnique = "EMAIL_UNIQUE",
    /// The address takes mail.
    EmailTakesMail = "EMAIL_TAKES_MAIL",
    /// An invitation is out, or was.
    InvitationSent = "INVITATION_SENT",
    /// Its mail went out and did not come back.
    MailDelivered = "MAIL_DELIVERED",
    /// Its link still works.
    InvitationAlive = "INVITATION_ALIVE",
    /// A password was chosen.
    PasswordChosen = "PASSWORD_CHOSEN",
    /// The address that signs in is the contact's own.
    EmailConfirmed = "EMAIL_CONFIRMED",
    /// Failed attempts do not keep the address out.
    SignInOpen = "SIGN_IN_OPEN",
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// Whether it is as it should be.
    pub holds: bool,
    /// In English, for people; it names no address.
    pub message: String,
    /// What to do, where it does not hold.
    pub hint: Option<&'static str>,
}

fn holds(code: Code, message: &str) -> Finding {
    Finding {
        code,
        holds: true,
        message: message.to_owned(),
        hint: None,
    }
}

fn fails(code: Code, message: impl Into<String>, hint: &'static str) -> Finding {
    Finding {
        code,
        holds: false,
        message: message.into(),
        hint: Some(hint),
    }
}

fn finding(code: Code, is_so: bool, so: &str, (not_so, hint): (&str, &'static str)) -> Finding {
    if is_so {
        holds(code, so)
    } else {
        fails(code, not_so, hint)
    }
}

pub(super) fn findings(known: &Known<'_>) -> Vec<Finding> {
    let mut all = Vec::from(of_contact(known));
    all.extend(of_address(known));
    match known.access.status_at(known.now) {
        PortalStatus::Waiting => all.push(fails(
            Code::InvitationSent,
            "No invitation is out.",
            "Send an invitation.",
        )),
        PortalStatus::Invited => {
            all.push(holds(Code::InvitationSent, "An invitation was sent."));
            all.push(mail(known));
            all.push(holds(Code::InvitationAlive, "Its link works until it ends."));
            all.push(no_password());
        }
        PortalStatus::Expired => {
            all.push(holds(Code::InvitationSent, "An invitation was sent."));
            all.push(mail(known));
            all.push(fails(
                Code::InvitationAlive,
                "The invitation has run out, and its link with it.",
                "Send the invitation again.",
            ));
            all.push(no_password());
        }
        PortalStatus::Accepted | PortalStatus::Active => all.extend(of_sign_in(known)),
    }
    all
}

fn of_contact(known: &Known<'_>) -> [Finding; 4] {
    let person = &known.access.person;
    let lead = person.role == ContactRole::Lead;
    [
        finding(
            Code::PortalOn,
            known.portal_enabled,
            "The portal is switched on.",
            (
                "The portal is switched off.",
                "Switch the portal on in the settings.",
            ),
        ),
        finding(
            Code::ContactActive,
            person.active,
            "The contact is active.",
            ("The contact is inactive.", "Make the contact active again."),
        ),
        finding(
            Code::RoleInvitable,
            !lead,
            "The contact's role may use the portal.",
            (
                "The contact is a lead, and leads are not let in.",
                "Make the contact a prospect or a client.",
            ),
        ),
        finding(
            Code::LoginOn,
            person.login_enabled(),
            if person.links == 0 {
                "No account is linked, so that nothing stands in the way."
            } else {
                "Login is on for at least one account."
            },
            (
                "Login is off for every account.",
                "Switch login on for one of the contact's accounts.",
            ),
        ),
    ]
}

fn of_address(known: &Known<'_>) -> Vec<Finding> {
    let person = &known.access.person;
    if person.email.is_none() {
        let hint = "Add the contact's e-mail address.";
        return vec![fails(Code::EmailGiven, "There is no e-mail address.", hint)];
    }
    let valid = person.email_canonical.is_some() && person.email_state == EmailState::Valid;
    vec![
        holds(Code::EmailGiven, "There is an e-mail address."),
        finding(
            Code::EmailValid,
            valid,
            "The address is well-formed.",
            (
                "The address is malformed, or a placeholder.",
                "Correct the e-mail address.",
            ),
        ),
        finding(
            Code::EmailUnique,
            !person.email_duplicate,
            "Nobody else has the address.",
            (
                "Another contact has the same address.",
                "Give one of the two another address.",
            ),
        ),
        takes_mail(known.address),
    ]
}

fn takes_mail(address: EmailState) -> Finding {
    let code = Code::EmailTakesMail;
    match address {
        EmailState::Bounced => fails(
            code,
            "The receiving server has refused mail to this address for good.",
            "Ask the person for another address.",
        ),
        EmailState::Suppressed => fails(
            code,
            "This address gets no mail: its owner has complained, or it was blocked.",
            "Ask the person whether they want mail, and take the address off the list.",
        ),
        _ => holds(code, "Nothing is known against the address."),
    }
}

fn mail(known: &Known<'_>) -> Finding {
    let code = Code::MailDelivered;
    let words = |sentence: &str| match known.delivery_error {
        Some(error) => format!("{sentence} The server said: {error}"),
        None => sentence.to_owned(),
    };
    match known.delivery {
        Some(DeliveryState::Sent) => holds(code, "The mail server took the mail."),
        Some(DeliveryState::Queued | DeliveryState::Sending) => {
            fails(code, "The mail has not gone out yet.", "Wait a moment.")
        }
        Some(DeliveryState::Deferred) => fails(
            code,
            words("The mail could not be delivered yet and is tried again."),
            "Wait; where it does not get through, ask for another address.",
        ),
        Some(DeliveryState::Failed) => fails(
            code,
            words("The mail could not be delivered."),
            "Check the address, and send the invitation again.",
        ),
        Some(DeliveryState::Bounced) => fails(
            code,
            words("The mail came back."),
            "Ask the person for another address.",
        ),
        Some(DeliveryState::Suppressed) => fails(
            code,
            "The mail was not sent: the address gets none.",
            "Take the address off the list, and send the invitation again.",
        ),
        Some(DeliveryState::Cancelled) | None => fails(
            code,
            "The mail was taken back before it went out.",
            "Send the invitation again.",
        ),
    }
}

fn no_password() -> Finding {
    let hint = "The person chooses it with the link in the mail.";
    fails(Code::PasswordChosen, "No password was chosen yet.", hint)
}

fn of_sign_in(known: &Known<'_>) -> [Finding; 3] {
    let code = Code::SignInOpen;
    let gate = match known.gate {
        Gate::Open => holds(code, "Failed attempts do not stand in the way."),
        Gate::Wait(_) => fails(
            code,
            "After failed attempts to sign in the next one has to wait.",
            "Wait some minutes before the next attempt.",
        ),
        Gate::Shut => fails(
            code,
            "After a hundred failed attempts the address is locked out.",
            "Start a password reset.",
        ),
    };
    [
        holds(Code::PasswordChosen, "A password was chosen."),
        finding(
            Code::EmailConfirmed,
            !known.access.is_elsewhere(),
            "The contact's address is the one that signs in.",
            (
                "The address was changed; the one before signs in until the new one is confirmed.",
                "The person confirms it with the link that was mailed to the new address.",
            ),
        ),
        gate,
    ]
}
