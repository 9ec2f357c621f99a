//! Who may do what: a handler names the permission that it needs in its type, and gets to the people only through that.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use constants::{Permission, Role};
use http_kit::{Client, Code, Current, Problem, account};
use session_management::manager::Freshness;
use session_management::{
    Actor, Admin, Administration, Health, Password, Principal, SessionId, SessionService, UserId,
};

/// A permission as a type.
pub(crate) trait Needs: 'static {
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($name:ident),+) => {$(
        pub(crate) struct $name;

        impl Needs for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )+};
}

permissions!(UsersRead, AuditRead, SessionsEnd, PermissionsChange);

/// A member of staff who has the permission `P` now, by their role or by a grant.
pub(crate) struct Staff<P> {
    current: Current<Admin>,
    client: Client,
    service: web::Data<SessionService>,
    permission: PhantomData<fn() -> P>,
}

impl<P> Staff<P> {
    /// What staff can do.
    pub(crate) fn administration(&self) -> &dyn Administration {
        self.service.manager().administration()
    }

    /// The same member of staff, for the audit log.
    pub(crate) fn actor(&self) -> Actor {
        Actor::staff(&self.current.principal, self.client.origin())
    }

    /// The same once they have proven by their password that it is they; as [`Staff::actor`] when none came.
    pub(crate) async fn proving(&self, password: Option<String>) -> Result<Actor, Problem> {
        let Some(password) = password else { return Ok(self.actor()) };
        let password = Password::claimed(password).map_err(account::refused)?;
        self.service.reauthenticate(self.current.own_session(&self.client), password).await?;
        let origin = self.client.origin();
        let look_up = self.service.manager().look_up(&self.current.token, Freshness::Authoritative, &origin);
        let principal: Option<Principal<Admin>> = look_up.await?.and_then(Principal::new);
        let principal = principal.ok_or(Problem::new(Code::Unauthenticated))?;
        Ok(Actor::staff(&principal, origin))
    }

    /// Whether they proved within five minutes that it is they.
    pub(crate) fn is_proven(&self) -> bool {
        self.current.principal.snapshot().is_recent(self.now())
    }

    /// Whether they have a permission.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.current.principal.may(permission.as_str())
    }

    /// What they are to the company.
    pub(crate) fn role(&self) -> Role {
        self.current.principal.user().role
    }

    /// Whether all parts answer.
    pub(crate) async fn health(&self) -> Health {
        self.service.manager().health().await
    }

    /// Refuses those who lack a further permission.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), Problem> {
        self.may(permission).then_some(()).ok_or(Problem::new(Code::Forbidden))
    }

    /// The session of the request.
    pub(crate) fn session(&self) -> &SessionId {
        &self.current.principal.session().id
    }

    /// Postgres' clock when the request was let in.
    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.current.principal.snapshot().read_at
    }
}

impl<P: Needs> FromRequest for Staff<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let staff = || {
            let current = Current::from_request(request, payload).into_inner()?;
            let Ok(client) = Client::from_request(request, payload).into_inner();
            let service = request.app_data::<web::Data<SessionService>>().cloned();
            let service = service.ok_or(Problem::new(Code::Internal))?;
            let staff = Self { current, client, service, permission: PhantomData };
            staff.require(P::PERMISSION)?;
            Ok(staff)
        };
        let mut staff = staff;
        ready(staff().map_err(|problem: Problem| problem.for_request(request)))
    }
}

/// The person whom a path names.
pub(crate) struct Subject(pub(crate) UserId);

impl FromRequest for Subject {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        ready(id.map(|id| Self(UserId(id))).ok_or_else(|| not_found().for_request(request)))
    }
}

/// There is no such person, session or grant.
pub(crate) fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}
