//! Chooses the way of each message, and keeps slow ways from holding anything up.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::{
    Delivery, DeliveryError, Kind, Message, Outbox, SmsGateway, SmsGatewayUrl, SmtpServer, SmtpUrl, TIME,
};

/// Messages of one kind that are on their way at once. More wait, at most [`TIME`] in all, holding nothing:
/// a gateway that hangs costs this many threads for that time, and no login by another method waits for it.
const AT_ONCE: usize = 16;

/// Which ways there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// For SMS.
    pub sms_gateway: Option<SmsGatewayUrl>,
    /// For mail.
    pub smtp: Option<SmtpUrl>,
    /// For whatever has no other way.
    pub outbox: Option<PathBuf>,
}

/// Takes messages and brings them on their way within a bounded time. Cloning it is cheap and shares the
/// bounds.
#[derive(Debug, Clone)]
pub struct Postman {
    sms: Option<Way>,
    email: Option<Way>,
}

#[derive(Debug, Clone)]
struct Way {
    delivery: Arc<dyn Delivery>,
    turns: Arc<Semaphore>,
}

impl Postman {
    /// A postman who knows these ways. A gateway comes before the outbox.
    ///
    /// # Errors
    /// When a mail server's URL cannot be used.
    pub fn new(routes: &Routes) -> Result<Self, DeliveryError> {
        let outbox = || routes.outbox.clone().map(|folder| Way::new(Outbox::new(folder)));
        let gateway = routes.sms_gateway.clone().map(|url| Way::new(SmsGateway::new(url)));
        let server = routes.smtp.as_ref().map(SmtpServer::new).transpose()?.map(Way::new);
        Ok(Self { sms: gateway.or_else(outbox), email: server.or_else(outbox) })
    }

    /// A postman who knows no way.
    #[must_use]
    pub const fn none() -> Self {
        Self { sms: None, email: None }
    }

    /// Whether there is a way for messages of a kind at all.
    #[must_use]
    pub fn reaches(&self, kind: Kind) -> bool {
        self.way(kind).is_some()
    }

    /// Sends a message. What was begun is finished also when the caller goes away.
    ///
    /// # Errors
    /// [`DeliveryError`], after [`TIME`] at the latest.
    pub async fn send(&self, message: Message) -> Result<(), DeliveryError> {
        let kind = message.kind;
        let way = self.way(kind).ok_or(DeliveryError::NoWay(kind))?;
        let end = Instant::now() + TIME;
        let turn = timeout_at(end, Arc::clone(&way.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(DeliveryError::NotSent(format!("too many {kind} messages wait for a slow way")));
        };
        let delivery = Arc::clone(&way.delivery);
        // The turn is given back when the work ends, which may be after its caller was answered.
        let sent = tokio::spawn(async move {
            let _turn = turn;
            delivery.deliver(message).await
        });
        match timeout_at(end, sent).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(DeliveryError::Unknown(panic.to_string())),
            Err(_) => Err(DeliveryError::Unknown(format!("{kind}: nothing for {TIME:?}"))),
        }
    }

    fn way(&self, kind: Kind) -> Option<&Way> {
        match kind {
            Kind::Sms => self.sms.as_ref(),
            Kind::Email => self.email.as_ref(),
        }
    }
}

impl Way {
    fn new(delivery: impl Delivery + 'static) -> Self {
        Self { delivery: Arc::new(delivery), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}
