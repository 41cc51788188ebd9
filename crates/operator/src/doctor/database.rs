//! The database: there, migrated, with room for all pools, and of the same time as this machine.

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::{Database, DatabaseSettings, Server};
use usher_parts::{database_settings, try_database};
use usher_service::{Attempt, Settings};
use usher_types::{Clock, SystemClock};

use super::report::{Finding, Report};
use crate::SERVICES;

/// Connections that are left to whoever looks in, backups and monitoring.
const LEFT: u32 = 10;
/// What a migration takes.
const MIGRATION: u32 = 1;
/// Clocks that are further apart make times look odd.
const NOTICEABLE: TimeDelta = TimeDelta::seconds(2);
/// Tokens between services live for a minute: clocks that are further apart make them end before they begin.
const HARMFUL: TimeDelta = TimeDelta::seconds(30);

pub async fn look(settings: &Settings, replicas: u32, report: &mut Report) {
    let Ok(database) = database_settings(settings) else {
        return;
    };
    let mut server = None;
    match schemas(&database, &mut server).await {
        Ok(finding) => report.add("database", &finding),
        Err(attempt) => report.add("database", &refused(attempt)),
    }
    if let Some((server, elsewhere)) = server {
        report.add("encryption", &encryption(&database, &server));
        report.add("connections", &room(&database, &server, replicas));
        report.add("clock", &clock(elsewhere));
    } else if replicas > 1 && matches!(database.file("any"), Ok(Some(_))) {
        report.add(
            "connections",
            &Finding::warning("files are for one process: --replicas says nothing about them"),
        );
    }
}

/// Whether each service could start on its schema; the first of them also asks the server about itself.
async fn schemas(
    settings: &DatabaseSettings,
    server: &mut Option<(Server, TimeDelta)>,
) -> Result<Finding, Attempt> {
    for service in SERVICES {
        let file = settings.file(service.as_str());
        match file.map_err(|error| Attempt::of(false, &error))? {
            Some(file) if !file.exists() => {
                return Ok(Finding::good(format!(
                    "{} is made at the first start",
                    file.display()
                )));
            }
            _ => {}
        }
        let database = try_database(settings, service).await?;
        if server.is_none() {
            *server = ask(&database).await?;
        }
        database.close().await;
    }
    Ok(Finding::good(match server {
        Some((server, _)) => format!(
            "PostgreSQL {}, all schemas as this version knows them",
            server.version
        ),
        None => "SQLite, all files as this version knows them".to_owned(),
    }))
}

/// The server, and how far its clock is from ours, at the middle of the question.
async fn ask(database: &Database) -> Result<Option<(Server, TimeDelta)>, Attempt> {
    let asked = SystemClock.now();
    let server = database.server().await;
    let server = server.map_err(|error| Attempt::of(true, &error))?;
    let answered = SystemClock.now();
    Ok(server.map(|server| {
        let apart = apart(asked, server.now, answered);
        (server, apart)
    }))
}

fn apart(asked: DateTime<Utc>, there: DateTime<Utc>, answered: DateTime<Utc>) -> TimeDelta {
    (there - (asked + (answered - asked) / 2)).abs()
}

fn refused(attempt: Attempt) -> Finding {
    let (Attempt::NotYet(reason) | Attempt::Wrong(reason)) = attempt;
    let advice = if reason.contains("usher-migrate") {
        ""
    } else {
        ": look at USHER_DATABASE_URL and at the server"
    };
    Finding::failure(format!("{reason}{advice}"))
}

fn encryption(settings: &DatabaseSettings, server: &Server) -> Finding {
    match (server.encrypted, settings.is_verified()) {
        (true, true) => Finding::good("encrypted, and the server's certificate is verified"),
        (true, false) => Finding::warning(
            "encrypted, but anybody could pose as the database: name its authority in [tls] database_ca",
        ),
        (false, _) if settings.is_local() => Finding::good("not encrypted; the database is on this machine"),
        (false, _) => Finding::warning(
            "the way to the database is not encrypted: have it show a certificate, and name its authority in [tls] database_ca",
        ),
    }
}

/// All pools at their largest, during an upgrade, which has one more process of each service for a while.
const fn wanted(replicas: u32, pool: u32) -> u32 {
    (replicas + 1)
        .saturating_mul(3)
        .saturating_mul(pool)
        .saturating_add(MIGRATION)
}

fn room(settings: &DatabaseSettings, server: &Server, replicas: u32) -> Finding {
    let wanted = wanted(replicas, settings.most_connections());
    let needed = wanted.saturating_add(LEFT);
    let offered = server.max_connections;
    let each = if replicas == 1 {
        "one process of each service".to_owned()
    } else {
        format!("{replicas} processes of each service")
    };
    if needed <= offered {
        Finding::good(format!(
            "{each}, one more during an upgrade, take up to {wanted} of {offered}"
        ))
    } else {
        Finding::failure(format!(
            "{each}, one more during an upgrade, take up to {wanted}, and {LEFT} are left for others: \
             raise max_connections from {offered} to {needed} or lower [database] connections"
        ))
    }
}

fn clock(apart: TimeDelta) -> Finding {
    let shown = apart.num_milliseconds();
    if apart > HARMFUL {
        Finding::failure(format!(
            "{shown} ms from the database's: services would refuse each other's tokens; synchronize both by NTP"
        ))
    } else if apart > NOTICEABLE {
        Finding::warning(format!("{shown} ms from the database's: synchronize both by NTP"))
    } else {
        Finding::good(format!("{shown} ms from the database's"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn the_clocks_are_compared_at_the_middle_of_the_question() {
        for (there, milliseconds) in [(50, 0), (150, 100), (-50, 100)] {
            assert_eq!(
                apart(at(0), at(there), at(100)),
                TimeDelta::milliseconds(milliseconds)
            );
        }
    }

    #[test]
    fn a_clock_that_is_wrong_is_said_before_it_does_harm() {
        let of = |milliseconds| clock(TimeDelta::milliseconds(milliseconds)).verdict;
        assert_eq!(
            [2_000, 2_001, 30_000, 30_001].map(of),
            [
                Verdict::Good,
                Verdict::Warning,
                Verdict::Warning,
                Verdict::Failure
            ]
        );
    }

    #[test]
    fn r3_all_pools_stay_ten_below_what_the_server_takes() {
        let settings = DatabaseSettings::new("postgres://db/usher").with_connections(8);
        let server = |max_connections| Server {
            version: "15.18".to_owned(),
            now: at(0),
            max_connections,
            encrypted: true,
        };
        assert_eq!(
            room(&settings, &server(101), 2),
            Finding::good("2 processes of each service, one more during an upgrade, take up to 91 of 101")
        );
        assert_eq!(
            room(&settings, &server(100), 2),
            Finding::failure(
                "2 processes of each service, one more during an upgrade, take up to 91, and 10 are left for others: \
                 raise max_connections from 100 to 101 or lower [database] connections"
            )
        );
        assert_eq!(wanted(1000, u32::MAX), u32::MAX);
    }

    #[test]
    fn a_way_to_the_database_that_others_can_listen_to_is_said() {
        let server = |encrypted| Server {
            version: "15.18".to_owned(),
            now: at(0),
            max_connections: 100,
            encrypted,
        };
        for (url, encrypted, verdict) in [
            ("postgres://db/usher?sslmode=verify-full", true, Verdict::Good),
            ("postgres://db/usher", true, Verdict::Warning),
            ("postgres://db/usher", false, Verdict::Warning),
            ("postgres://127.0.0.1/usher", false, Verdict::Good),
        ] {
            let settings = DatabaseSettings::new(url);
            assert_eq!(
                encryption(&settings, &server(encrypted)).verdict,
                verdict,
                "{url}"
            );
        }
    }
}
