//! A connection whose client may never have said anything.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// At the stop, whoever has not said a word yet is not waited for.
///
/// A balancing client opens a connection to each address and goes on with the first that is ready; the others stay as they are, open and
/// silent, until it has something to ask again. HTTP/2 ends a connection softly only after its first words, so that a
/// stop would wait for them.
pub(crate) struct Greeted<T> {
    io: T,
    /// None once the client has said something.
    silent_until: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl<T> Greeted<T> {
    pub(crate) fn new(io: T, stop: &CancellationToken) -> Self {
        Self {
            io,
            silent_until: Some(Box::pin(stop.clone().cancelled_owned())),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Greeted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.silent_until = None;
        }
        match (&mut self.silent_until, read) {
            // an end without a word
            (Some(stop), Poll::Pending) => stop.as_mut().poll(context).map(Ok),
            (_, read) => read,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Greeted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl<T: Connected> Connected for Greeted<T> {
    type ConnectInfo = T::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}
