//! What a history comes to where everything happens in one place, once and in order.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use usher_events::ContactFacts;
use usher_invitations::domain::link::{InvitationState, link_state};
use usher_invitations::domain::portal::{Access, Act, Effects, Offer, Person, Refused, transition};
use usher_types::{EmailState, InvitationAction, InvitationId, LinkState, PortalStatus};

/// The life of a link that no organization has changed (I5).
const LIFE: TimeDelta = TimeDelta::days(7);

/// A contact, the links that went out, and the switch of the portal.
pub struct Model {
    pub access: Access,
    pub portal: bool,
    pub now: DateTime<Utc>,
    /// What is known of addresses beyond the contact.
    pub addresses: HashMap<String, EmailState>,
    links: Vec<Link>,
}

struct Link {
    id: InvitationId,
    state: InvitationState,
    expires_at: DateTime<Utc>,
}

impl Model {
    pub fn new(facts: &ContactFacts, now: DateTime<Utc>) -> Self {
        Self {
            access: Access::new(facts.id, facts.organization_id, Person::from(facts)),
            portal: true,
            now,
            addresses: HashMap::new(),
            links: Vec::new(),
        }
    }

    /// What each link is worth, oldest first.
    pub fn links(&self) -> Vec<LinkState> {
        (0..self.links.len()).map(|link| self.worth(link)).collect()
    }

    fn worth(&self, link: usize) -> LinkState {
        let link = &self.links[link];
        link_state(link.state, link.expires_at, self.portal, self.now)
    }

    /// The batch decides by the contact as it is, heard of or not, and keeps that only where it reaches the contact.
    pub fn invite(&mut self, action: InvitationAction, newest: &ContactFacts) -> Result<(), &'static str> {
        if !self.portal && action != InvitationAction::Cancel {
            return Err("PORTAL_DISABLED");
        }
        let mut access = self.access.clone();
        access.learn(Person::from(newest));
        let act = match action {
            InvitationAction::Send => Act::Send(self.offer(&access)),
            InvitationAction::Resend => Act::Resend(self.offer(&access)),
            InvitationAction::Cancel => Act::Cancel,
        };
        match transition(access, act, self.now) {
            Ok(moved) => self.follow(moved),
            Err(Refused::Ineligible(_)) => return Err("NOBODY_ELIGIBLE"),
            Err(Refused::Impossible) => return Err("an eligible contact was refused"),
        }
        Ok(())
    }

    pub fn accept(&mut self, link: usize) -> Result<(), &'static str> {
        match self.worth(link) {
            LinkState::Open => {}
            LinkState::Expired => return Err("LINK_EXPIRED"),
            LinkState::Superseded => return Err("LINK_SUPERSEDED"),
            LinkState::Invalid => return Err("LINK_INVALID"),
        }
        let act = Act::Accept(self.links[link].id);
        let moved = transition(self.access.clone(), act, self.now).unwrap();
        self.follow(moved);
        Ok(())
    }

    /// An expired link is good for saying so, too.
    pub fn decline(&mut self, link: usize) -> Result<(), &'static str> {
        match self.worth(link) {
            LinkState::Open | LinkState::Expired => {}
            LinkState::Superseded => return Err("LINK_SUPERSEDED"),
            LinkState::Invalid => return Err("LINK_INVALID"),
        }
        let act = Act::Decline(self.links[link].id);
        let moved = transition(self.access.clone(), act, self.now).unwrap();
        self.follow(moved);
        Ok(())
    }

    /// Whether the right password lets the contact in.
    pub fn sign_in(&mut self) -> bool {
        match transition(self.access.clone(), Act::SignIn, self.now) {
            Ok(moved) if self.portal => {
                self.follow(moved);
                true
            }
            _ => false,
        }
    }

    pub fn hear(&mut self, news: &[ContactFacts]) {
        let news = news.iter().map(Person::from).collect();
        let (access, effects) = transition(self.access.clone(), Act::Hear(news), self.now).unwrap();
        if !effects.elsewhere {
            return self.follow((access, effects));
        }
        let readdress = Act::Readdress(self.offer(&access));
        let readdressed = transition(access.clone(), readdress, self.now).ok();
        match readdressed.filter(|_| self.portal) {
            Some(moved) => self.follow(moved),
            None => self.follow(transition(access, Act::Cancel, self.now).unwrap()),
        }
    }

    /// An expiry is announced once.
    pub fn sweep(&mut self) {
        let newest = self.links.last_mut();
        let Some(link) = newest.filter(|link| link.state == InvitationState::Open) else {
            return;
        };
        if self.access.status_at(self.now) == PortalStatus::Expired {
            link.state = InvitationState::Expired;
            self.access = transition(self.access.clone(), Act::Expire, self.now).unwrap().0;
        }
    }

    fn offer(&self, access: &Access) -> Offer {
        let address = access.person.email_canonical.as_ref();
        let state = address.and_then(|address| self.addresses.get(address));
        Offer {
            invitation: InvitationId::new(self.now),
            by: "Administrator".into(),
            expires_at: self.now + LIFE,
            address: state.copied().unwrap_or(EmailState::Valid),
        }
    }

    fn follow(&mut self, (access, effects): (Access, Effects)) {
        self.access = access;
        let lives = |state| {
            use InvitationState::{Expired, Open, Superseded};
            matches!(state, Open | Expired | Superseded)
        };
        if effects.buries {
            for link in self.links.iter_mut().filter(|link| lives(link.state)) {
                link.state = InvitationState::Cancelled;
            }
        }
        if let Some(ended) = effects.ended {
            let over = self.links.iter_mut().filter(|link| link.id == ended.invitation);
            over.filter(|link| lives(link.state))
                .for_each(|link| link.state = ended.state);
        }
        if let Some(id) = effects.letter {
            self.links.push(Link {
                id,
                state: InvitationState::Open,
                expires_at: self.now + LIFE,
            });
        }
    }
}
