//! Forward-auth with real proxies, configured word for word as docs/forward-auth.md says, in front of the example in Python
//! and of an application that writes down what reaches it.

mod arrivals;
mod browser;
mod identity;
mod outages;
mod proxy;
mod requests;
mod revocation;
mod service;
mod staff;
mod stage;

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";

/// What a browser accepts that goes to a page.
const PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// Each scenario as a test behind each proxy.
macro_rules! behind_every_proxy {
    ($($scenario:ident),+ $(,)?) => {
        behind_every_proxy!(@ nginx Nginx $($scenario)+);
        behind_every_proxy!(@ caddy Caddy $($scenario)+);
        behind_every_proxy!(@ traefik Traefik $($scenario)+);
        behind_every_proxy!(@ envoy Envoy $($scenario)+);
    };
    (@ $proxy:ident $kind:ident $($scenario:ident)+) => {
        mod $proxy {
            $(
                #[test]
                fn $scenario() {
                    if crate::proxy::Kind::$kind.is_to_be_tried() {
                        super::$scenario(crate::proxy::Kind::$kind);
                    }
                }
            )+
        }
    };
}
use behind_every_proxy;
