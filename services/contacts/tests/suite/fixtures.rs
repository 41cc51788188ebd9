//! Rows in a mass, and rows that no call of today makes.

use sea_orm::{ConnectionTrait, Value};
use usher_database::{Dialect, Scope, SystemReason};
use usher_types::{AccountId, Clock, ContactId, fold};

use crate::bench::Bench;

/// A contact of a mass.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) id: ContactId,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
}

impl Sketch {
    /// What search looks through.
    pub(crate) fn document(&self) -> String {
        fold(&format!("{} {}", self.first_name, self.last_name))
    }
}

impl Bench {
    /// Writes many leads at once, as thousands of calls would.
    pub(crate) async fn mass(&self, sketches: &[Sketch]) {
        let rows = sketches.iter().map(|sketch| {
            serde_json::json!({
                "id": sketch.id.uuid().simple().to_string(),
                "first_name": sketch.first_name,
                "last_name": sketch.last_name,
                "first_name_sort": fold(&sketch.first_name),
                "last_name_sort": fold(&sketch.last_name),
                "document": sketch.document(),
            })
        });
        let rows = serde_json::Value::from(rows.collect::<Vec<_>>()).to_string();
        let from = match self.database.dialect() {
            Dialect::Postgres => {
                "SELECT id::uuid AS id, first_name, last_name, first_name_sort, last_name_sort, document \
                 FROM json_to_recordset($1::text::json) AS r(id text, first_name text, last_name text, \
                 first_name_sort text, last_name_sort text, document text)"
            }
            Dialect::Sqlite => {
                "SELECT unhex(value->>'id') AS id, value->>'first_name' AS first_name, value->>'last_name' AS last_name, \
                 value->>'first_name_sort' AS first_name_sort, value->>'last_name_sort' AS last_name_sort, \
                 value->>'document' AS document FROM json_each($1)"
            }
        };
        let contact = format!(
            "INSERT INTO contact (id, organization_id, version, role, active, first_name, last_name, first_name_sort, \
             last_name_sort, email_sort, email_state, email_duplicate, tags, links, links_with_login, created_at, updated_at) \
             SELECT m.id, $2, 1, 'LEAD', TRUE, m.first_name, m.last_name, m.first_name_sort, m.last_name_sort, '', 'NONE', \
             FALSE, '[]', 0, 0, $3, $3 FROM ({from}) AS m"
        );
        let portal = format!(
            "INSERT INTO contact_portal (contact_id, organization_id, version, status, status_rank, invited_sort, \
             signed_in_sort) SELECT m.id, $2, 0, 'WAITING', 0, 0, 0 FROM ({from}) AS m"
        );
        let search = format!(
            "INSERT INTO contact_search (contact_id, organization_id, document) SELECT m.id, $2, m.document \
             FROM ({from}) AS m"
        );
        let organization: Value = self.organization.uuid().into();
        let at: Value = self.clock.now().into();
        let mass = vec![rows.clone().into(), organization.clone(), at];
        self.written(&contact, mass).await;
        for sql in [portal, search] {
            self.written(&sql, vec![rows.clone().into(), organization.clone()])
                .await;
        }
    }

    /// Writes many companies at once.
    pub(crate) async fn accounts(&self, names: &[String]) {
        let rows = names.iter().map(|name| {
            let id = AccountId::new(self.clock.now()).uuid().simple().to_string();
            serde_json::json!({ "id": id, "name": name, "name_sort": fold(name) })
        });
        let rows = serde_json::Value::from(rows.collect::<Vec<_>>()).to_string();
        let from = match self.database.dialect() {
            Dialect::Postgres => {
                "SELECT id::uuid AS id, name, name_sort \
                 FROM json_to_recordset($1::text::json) AS r(id text, name text, name_sort text)"
            }
            Dialect::Sqlite => {
                "SELECT unhex(value->>'id') AS id, value->>'name' AS name, value->>'name_sort' AS name_sort \
                 FROM json_each($1)"
            }
        };
        let sql = format!(
            "INSERT INTO account (id, organization_id, version, name, name_sort, kind, tags, portal_contacts, created_at, \
             updated_at) SELECT m.id, $2, 1, m.name, m.name_sort, 'COMPANY', '[]', 0, $3, $3 FROM ({from}) AS m"
        );
        let values = vec![
            rows.into(),
            self.organization.uuid().into(),
            self.clock.now().into(),
        ];
        self.written(&sql, values).await;
    }

    /// Runs one statement over everything.
    pub(crate) async fn written(&self, sql: &str, values: Vec<Value>) {
        let scope = Scope::System(SystemReason::Test);
        let tx = self.database.write(scope).await.unwrap();
        tx.execute_raw(tx.statement(sql, values)).await.unwrap();
        tx.commit().await.unwrap();
    }
}
