//! An internal tool behind the sessions of admin-panel, for some roles alone.

use test_support::{App, Client, TestDatabase, TestRedis};

use crate::proxy::{Kind, Proxy};
use crate::service::PythonService;
use crate::stage::behind_a_proxy;
use crate::{PAGE, PASSWORD};

#[test]
fn an_internal_tool_is_for_the_roles_that_nginx_names_c7() {
    let (database, redis, service) = (TestDatabase::new(), TestRedis::start(), PythonService::start());
    let start = |name| behind_a_proxy(name).database(&database).redis(&redis).start();
    let (web, panel): (App, App) = (start("web"), start("admin-panel"));
    let proxy = Proxy::start(Kind::NginxForStaff, panel.port(), service.port());
    let seen = |client: &Client| client.get("/reports/seen");

    for (role, status) in [("admin", 200), ("operator", 200), ("support", 403)] {
        let email = format!("{role}@example.com");
        let person = web.register(&email, PASSWORD);
        database.execute(&format!("UPDATE users SET role = '{role}' WHERE email = '{email}'"));
        let client = proxy.anon();
        assert_eq!(client.log_in(&email, PASSWORD).status, 200);
        let answer = seen(&client);
        assert_eq!(answer.status, status, "{role}");
        if status == 200 {
            let said = answer.json();
            assert_eq!(
                (&said["X_USER_ID"], &said["X_USER_ROLE"]),
                (&person.user_id.as_str().into(), &role.into())
            );
        }
        let forged = client.request("GET", "/reports/seen").header("X-User-Role", "admin").send();
        assert_eq!(forged.status, status, "{role}");

        // A role that somebody no longer has counts for nothing from the next request on.
        database.execute(&format!("UPDATE users SET role = 'user' WHERE email = '{email}'"));
        assert_ne!(seen(&client).status, 200, "{role}");

        // Web's session of the same person is nobody's here.
        let customer = proxy.anon();
        customer.add_cookie(web.cookie(), &person.token);
        customer.add_cookie(panel.cookie(), &person.token);
        assert_eq!(seen(&customer).status, 303, "{role}");
    }
    let stranger = proxy.anon().request("GET", "/reports/?a=1&b=2").header("Accept", PAGE).send();
    let way = (stranger.status, stranger.header("location"));
    assert_eq!(way, (303, Some("/login?next=%2Freports%2F%3Fa%3D1%26b%3D2")));
}
