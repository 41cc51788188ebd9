//! Asks name servers for the records by which receivers judge the sender's mails.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use super::records;
use super::report::{Finding, Report};
use crate::cli::DoctorArguments;

/// How long a name server may take over one question, asked twice.
const PATIENCE: Duration = Duration::from_secs(3);

pub async fn look(domain: &str, arguments: &DoctorArguments, report: &mut Report) {
    if domain == "localhost" || domain.ends_with(".localhost") {
        let text = format!("{domain} is this machine alone, so nobody is asked about it");
        report.add(
            "names",
            &match arguments.dkim_selector {
                Some(_) => Finding::warning(format!("{text}: --dkim-selector says nothing about it")),
                None => Finding::good(text),
            },
        );
        return;
    }
    let resolver = match resolver(arguments.name_server) {
        Ok(resolver) => resolver,
        Err(error) => return report.add("names", &unasked(&error)),
    };
    let spf = texts(&resolver, domain).await;
    report.add(
        "SPF",
        &spf.map_or_else(|error| unasked(&error), |found| records::spf(domain, &found)),
    );
    report.add(
        "DKIM",
        &dkim(&resolver, domain, arguments.dkim_selector.as_deref()).await,
    );
    report.add("DMARC", &dmarc(&resolver, domain).await);
}

async fn dkim(resolver: &TokioResolver, domain: &str, selector: Option<&str>) -> Finding {
    let Some(selector) = selector else {
        return Finding::warning(
            "not looked at: name the selector with which your mail server signs (--dkim-selector)",
        );
    };
    let name = format!("{selector}._domainkey.{domain}");
    match texts(resolver, &name).await {
        Ok(found) => records::dkim(&name, &found),
        Err(error) => unasked(&error),
    }
}

/// The policy of the domain itself, else of the nearest domain above (RFC 7489, section 6.6.3).
async fn dmarc(resolver: &TokioResolver, domain: &str) -> Finding {
    for above in records::domains_above(domain) {
        let name = format!("_dmarc.{above}");
        match texts(resolver, &name).await {
            Ok(found) => {
                if let Some(finding) = records::dmarc(&name, &found) {
                    return finding;
                }
            }
            Err(error) => return unasked(&error),
        }
    }
    records::no_dmarc(domain)
}

fn unasked(error: &NetError) -> Finding {
    Finding::warning(format!(
        "the name server could not be asked: {error}: look at /etc/resolv.conf, or name another one (--name-server)"
    ))
}

fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(address) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
            let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = 2;
    builder.build()
}

/// The texts at a name, each put together from its parts; none is no error.
async fn texts(resolver: &TokioResolver, name: &str) -> Result<Vec<String>, NetError> {
    // with a dot at its end a name is whole, and no search list is tried
    let found = match resolver.txt_lookup(format!("{name}.")).await {
        Ok(found) => found,
        Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let text = |data: &RData| match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    };
    Ok(found
        .answers()
        .iter()
        .filter_map(|record| text(&record.data))
        .collect())
}
