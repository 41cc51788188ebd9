//! What the first lines tell the person at the terminal.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use usher_invitations::FirstAdministrator;
use usher_service::{Lifecycle, Listener, Settings};

/// The pause between two questions whether the gateway is ready.
const PAUSE: Duration = Duration::from_millis(10);

/// Prints address and credentials as soon as the gateway says that it is ready.
pub fn when_ready(
    settings: &Settings,
    listener: &Listener,
    administrator: Option<FirstAdministrator>,
    began: Instant,
    lifecycle: &Lifecycle,
) {
    let Some(address) = listener.address().map(reachable) else {
        return;
    };
    let (settings, stop) = (settings.clone(), lifecycle.stopping());
    lifecycle.spawn_short(async move {
        // who is stopped before will never be ready
        if stop.run_until_cancelled_owned(ready(address)).await.is_none() {
            return;
        }
        let text = text(&settings, administrator.as_ref(), began.elapsed());
        // whoever started us with a closed stdout does not want to know
        std::io::stdout().write_all(text.as_bytes()).ok();
    });
}

fn text(settings: &Settings, administrator: Option<&FirstAdministrator>, took: Duration) -> String {
    let url = settings.common.public_url();
    let mut lines = vec![format!("Usher is ready after {} ms: {url}", took.as_millis())];
    lines.push(format!("  GraphQL        {url}/graphql"));
    if settings.common.is_development() && settings.common.smtp_url.is_none() {
        lines.push(format!("  Mail           {url}/dev/mail"));
    }
    lines.push(format!("  Data           {}", settings.common.data_dir.display()));
    let announcement = administrator
        .map(FirstAdministrator::announcement)
        .unwrap_or_default();
    lines.join("\n") + "\n" + &announcement
}

/// "All interfaces" is no address to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ready(address: SocketAddr) {
    while !is_ready(address).await {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks the gateway itself, so that "ready" means the same as for a load balancer.
async fn is_ready(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(&answer == b"HTTP/1.1 200")
    };
    ask.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r1_a_stop_before_it_is_ready_does_not_wait() {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(listen, "USHER_LISTEN").await.unwrap();
        let settings = Settings::with([]).unwrap();
        let lifecycle = Lifecycle::new(Duration::from_secs(3600));
        when_ready(&settings, &listener, None, Instant::now(), &lifecycle);
        lifecycle.stop();
        let finished = tokio::time::timeout(Duration::from_secs(60), lifecycle.finish());
        finished.await.expect("it waits for the grace").unwrap();
    }
}
