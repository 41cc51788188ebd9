//! One loader for each thing that fields point at, for the life of one request.

use std::collections::HashMap;

use bytes::Bytes;
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_types::{AccountId, BatchId, ContactId, LinkId, MemberId, SegmentId, ServiceAccountId};
use uuid::Uuid;

use super::load::Batcher;
use super::scope::{Scope, answer};
use super::types::{
    Account, AccountContact, Contact, Delivery, InvitationBatch, Member, Organization, Segment,
    ServiceAccount,
};
use crate::fault::Fault;

/// The loaders of one request.
#[derive(Debug, Default)]
pub(crate) struct Loaders {
    contacts: Batcher<ContactId, Contact>,
    accounts: Batcher<AccountId, Account>,
    links: Batcher<LinkId, AccountContact>,
    links_of_contacts: Batcher<ContactId, Vec<AccountContact>>,
    links_of_accounts: Batcher<AccountId, Vec<AccountContact>>,
    members: Batcher<MemberId, Member>,
    deliveries: Batcher<ContactId, Delivery>,
    batches: Batcher<BatchId, InvitationBatch>,
    segments: Batcher<SegmentId, Segment>,
    service_accounts: Batcher<ServiceAccountId, ServiceAccount>,
}

fn wire<T: Into<Uuid>>(ids: Vec<T>) -> Vec<Bytes> {
    ids.into_iter().map(usher_proto::bytes_of).collect()
}

type Found<K, V> = Result<HashMap<K, V>, Fault>;

/// The loading end: what resolvers call.
impl Scope {
    /// A contact, if it is there and the caller's.
    pub(crate) async fn contact(&self, id: ContactId) -> Result<Option<Contact>, Fault> {
        self.loaders.contacts.load(id, |ids| self.contacts(ids)).await
    }

    /// An account, if it is there and the caller's.
    pub(crate) async fn account(&self, id: AccountId) -> Result<Option<Account>, Fault> {
        self.loaders.accounts.load(id, |ids| self.accounts(ids)).await
    }

    /// A link, if it is there and the caller's.
    pub(crate) async fn link(&self, id: LinkId) -> Result<Option<AccountContact>, Fault> {
        self.loaders.links.load(id, |ids| self.links(ids)).await
    }

    /// The links of a contact, each with its account.
    pub(crate) async fn links_of_contact(&self, id: ContactId) -> Result<Option<Vec<AccountContact>>, Fault> {
        self.loaders
            .links_of_contacts
            .load(id, |ids| self.links_of_contacts(ids))
            .await
    }

    /// The links of an account.
    pub(crate) async fn links_of_account(&self, id: AccountId) -> Result<Option<Vec<AccountContact>>, Fault> {
        self.loaders
            .links_of_accounts
            .load(id, |ids| self.links_of_accounts(ids))
            .await
    }

    /// A member of the caller's firm; or a service account, of which everybody may know the name.
    pub(crate) async fn member(&self, id: MemberId) -> Result<Option<Member>, Fault> {
        self.loaders.members.load(id, |ids| self.members(ids)).await
    }

    /// What became of a contact's newest invitation mail.
    pub(crate) async fn delivery(&self, id: ContactId) -> Result<Option<Delivery>, Fault> {
        self.loaders.deliveries.load(id, |ids| self.deliveries(ids)).await
    }

    /// A segment of the caller's firm.
    pub(crate) async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, Fault> {
        self.loaders.segments.load(id, |ids| self.segments(ids)).await
    }

    /// A service account of the caller's firm, where the caller manages members or is it.
    pub(crate) async fn service_account(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, Fault> {
        self.loaders
            .service_accounts
            .load(id, |ids| self.service_accounts(ids))
            .await
    }

    /// A batch of the caller's firm.
    pub(crate) async fn batch(&self, id: BatchId) -> Result<Option<InvitationBatch>, Fault> {
        self.loaders.batches.load(id, |ids| self.batches(ids)).await
    }
}

/// The fetching end: one call for all.
impl Scope {
    pub(crate) async fn contacts(&self, ids: Vec<ContactId>) -> Found<ContactId, Contact> {
        let request = self.ask(contacts::BatchGetRequest { ids: wire(ids) });
        let reply = answer(self.backends.contacts.clone().batch_get_contacts(request).await)?;
        let found = reply.contacts.into_iter().map(|row| Contact::new(row, self));
        Ok(found
            .filter_map(|contact| Some((contact.id()?, contact)))
            .collect())
    }

    async fn accounts(&self, ids: Vec<AccountId>) -> Found<AccountId, Account> {
        let request = self.ask(contacts::BatchGetRequest { ids: wire(ids) });
        let reply = answer(self.backends.contacts.clone().batch_get_accounts(request).await)?;
        let found = reply.accounts.into_iter().map(|row| Account::new(row, self));
        Ok(found
            .filter_map(|account| Some((account.id()?, account)))
            .collect())
    }

    async fn links(&self, ids: Vec<LinkId>) -> Found<LinkId, AccountContact> {
        let request = self.ask(contacts::BatchGetRequest { ids: wire(ids) });
        let reply = answer(self.backends.contacts.clone().batch_get_links(request).await)?;
        let found = reply.links.into_iter().map(|row| AccountContact::new(row, self));
        Ok(found.filter_map(|link| Some((link.id()?, link))).collect())
    }

    async fn links_of_contacts(&self, ids: Vec<ContactId>) -> Found<ContactId, Vec<AccountContact>> {
        let request = self.ask(contacts::BatchGetRequest { ids: wire(ids) });
        let reply = answer(self.backends.contacts.clone().links_of_contacts(request).await)?;
        Ok(self.grouped(reply.links, AccountContact::contact_id))
    }

    async fn links_of_accounts(&self, ids: Vec<AccountId>) -> Found<AccountId, Vec<AccountContact>> {
        let request = self.ask(contacts::BatchGetRequest { ids: wire(ids) });
        let reply = answer(self.backends.contacts.clone().links_of_accounts(request).await)?;
        Ok(self.grouped(reply.links, AccountContact::account_id))
    }

    fn grouped<K: std::hash::Hash + Eq>(
        &self,
        links: Vec<contacts::Link>,
        key: impl Fn(&AccountContact) -> Option<K>,
    ) -> HashMap<K, Vec<AccountContact>> {
        let mut groups: HashMap<K, Vec<AccountContact>> = HashMap::new();
        for link in links.into_iter().map(|row| AccountContact::new(row, self)) {
            if let Some(key) = key(&link) {
                groups.entry(key).or_default().push(link);
            }
        }
        groups
    }

    async fn members(&self, ids: Vec<MemberId>) -> Found<MemberId, Member> {
        let request = self.ask(invitations::BatchGetRequest { ids: wire(ids) });
        let reply = answer(self.backends.invitations.clone().batch_get_members(request).await)?;
        let found = reply.members.into_iter();
        Ok(found
            .filter_map(|row| Some((usher_proto::id_from(&row.id)?, Member(row))))
            .collect())
    }

    async fn deliveries(&self, ids: Vec<ContactId>) -> Found<ContactId, Delivery> {
        let request = self.ask(invitations::BatchGetRequest { ids: wire(ids) });
        let reply = answer(
            self.backends
                .invitations
                .clone()
                .batch_get_portal_access(request)
                .await,
        )?;
        let found = reply.access.into_iter().filter_map(|row| {
            let delivery = Delivery {
                state: row.delivery,
                error: row.delivery_error,
                reminded_at: row.reminded_at,
                next_reminder_at: row.next_reminder_at,
            };
            Some((usher_proto::id_from(&row.contact_id)?, delivery))
        });
        Ok(found.collect())
    }

    async fn segments(&self, ids: Vec<SegmentId>) -> Found<SegmentId, Segment> {
        let request = self.ask(contacts::BatchGetSegmentsRequest { ids: wire(ids) });
        let reply = answer(self.backends.segments.clone().batch_get_segments(request).await)?;
        let found = reply.segments.into_iter();
        Ok(found
            .filter_map(|row| Some((usher_proto::id_from(&row.id)?, Segment(row))))
            .collect())
    }

    async fn service_accounts(&self, ids: Vec<ServiceAccountId>) -> Found<ServiceAccountId, ServiceAccount> {
        let request = self.ask(invitations::BatchGetServiceAccountsRequest { ids: wire(ids) });
        let mut accounts = self.backends.service_accounts.clone();
        let reply = answer(accounts.batch_get_service_accounts(request).await)?;
        let found = reply.service_accounts.into_iter();
        Ok(found
            .filter_map(|row| Some((usher_proto::id_from(&row.id)?, ServiceAccount(row))))
            .collect())
    }

    async fn batches(&self, ids: Vec<BatchId>) -> Found<BatchId, InvitationBatch> {
        let request = self.ask(invitations::BatchGetRequest { ids: wire(ids) });
        let reply = answer(self.backends.invitations.clone().batch_get_batches(request).await)?;
        let found = reply.batches.into_iter();
        Ok(found
            .filter_map(|row| Some((usher_proto::id_from(&row.id)?, InvitationBatch(row))))
            .collect())
    }

    /// The caller's own firm.
    pub(crate) async fn organization(&self) -> Result<Option<Organization>, Fault> {
        let request = self.ask(invitations::GetOrganizationRequest {});
        let reply = answer(self.backends.invitations.clone().get_organization(request).await)?;
        Ok(reply.organization.map(Organization))
    }
}
