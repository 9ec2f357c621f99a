//! The stream that denials come on.

use test_support::PostgresProxy;

use crate::entries::outlives_a_revocation;
use crate::pause::Pause;
use crate::stage::Stage;

pub(crate) fn a_denial_is_applied_before_what_follows_it(stage: &Stage, _: bool) -> bool {
    outlives_a_revocation(stage, &stage.process())
}

pub(crate) fn what_ended_just_before_listen(stage: &Stage, _: bool) -> bool {
    let pause = Pause::at("stream::before_listen");
    let (process, session) = (stage.process_without_caches(), stage.session());
    pause.wait();
    // Read, and ended, while nobody listens.
    assert!(process.lets_in(&session));
    stage.revoke(&session);
    drop(pause);
    process.wait_for_lease();
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}

pub(crate) fn a_listener_that_is_held_up(stage: &Stage, out: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    assert!(process.lets_in(&session));
    process.proxy.hold();
    stage.revoke(&session);
    process.pass_the_bound();
    if out {
        // The beats are answered all the same.
        process.proxy.wait_for_beats();
    }
    process.lets_in(&session)
}

pub(crate) fn another_backend_in_the_middle(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    assert!(process.lets_in(&session));
    // A further connection by the same way, which has not said LISTEN.
    let way = process.proxy.url(&stage.database.url());
    let _other = identity_db::migration::connect(&way).unwrap();
    process.proxy.swap_servers();
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    process.wait_for_lease();
    process.lets_in(&session)
}

pub(crate) fn a_way_that_swallows_notifications(stage: &Stage, out: bool) -> bool {
    let proxy = PostgresProxy::start(&stage.database.url());
    proxy.swallow_notifications();
    let (process, session) = (stage.start_behind(proxy, &stage.setup()), stage.session());
    if out {
        process.wait_for_lease();
    } else {
        // Its stream has been tried, and given up, more than once.
        process.proxy.wait_for_beats();
        process.proxy.wait_for_beats();
    }
    assert!(process.lets_in(&session));
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}
