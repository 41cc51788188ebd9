//! Errors of the parts as ends of a process.

use usher_database::ConnectError;
use usher_messaging::BrokerError;
use usher_service::StartError;

/// For `map_err(StartErrors::start_error)`.
pub trait StartErrors {
    /// Wrong settings stay wrong settings (78); the rest is a failure (1).
    fn start_error(self) -> StartError;
}

impl StartErrors for ConnectError {
    fn start_error(self) -> StartError {
        match self {
            Self::Settings(reason) => StartError::settings(format!("USHER_DATABASE_URL: {reason}")),
            other => StartError::failed("the database", &other),
        }
    }
}

impl StartErrors for BrokerError {
    fn start_error(self) -> StartError {
        match self {
            Self::Settings(reason) => StartError::settings(format!("USHER_AMQP_URL: {reason}")),
            other => StartError::failed("the broker", &other),
        }
    }
}
