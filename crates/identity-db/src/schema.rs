// @generated automatically by Diesel CLI.

pub mod sql_types {
    #[derive(diesel::query_builder::QueryId, Clone, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "application_type"))]
    pub struct ApplicationType;

    #[derive(diesel::query_builder::QueryId, Clone, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "user_role"))]
    pub struct UserRole;
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::ApplicationType;

    audit_log (id) {
        id -> Int8,
        at -> Timestamptz,
        #[max_length = 60]
        action -> Varchar,
        application_context -> Nullable<ApplicationType>,
        actor_id -> Nullable<Uuid>,
        subject_id -> Nullable<Uuid>,
        #[max_length = 255]
        session_id -> Nullable<Varchar>,
        ip_address -> Nullable<Inet>,
        user_agent -> Nullable<Text>,
        detail -> Nullable<Jsonb>,
    }
}

diesel::table! {
    backups (id) {
        id -> Int8,
        taken_at -> Timestamptz,
        verified_at -> Timestamptz,
        file_name -> Text,
        bytes -> Int8,
        #[max_length = 64]
        sha256 -> Varchar,
        table_count -> Int8,
        row_count -> Int8,
        server_version -> Text,
    }
}

diesel::table! {
    cleanup (once) {
        once -> Bool,
        applied_at -> Timestamptz,
        applied_by -> Text,
        checklist -> Jsonb,
    }
}

diesel::table! {
    cleanup_points (id) {
        #[max_length = 40]
        id -> Varchar,
        holds -> Bool,
        since -> Timestamptz,
        measured_at -> Timestamptz,
    }
}

diesel::table! {
    instance_keys (id) {
        id -> Int8,
        key -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    legacy_imports (legacy_id) {
        legacy_id -> Int8,
        #[max_length = 43]
        fingerprint -> Varchar,
        #[max_length = 43]
        seen_token_id -> Nullable<Varchar>,
        #[max_length = 43]
        written_token_id -> Nullable<Varchar>,
        imported_at -> Timestamptz,
    }
}

diesel::table! {
    legacy_uses (day, source) {
        day -> Date,
        #[max_length = 20]
        source -> Varchar,
        uses -> Int8,
    }
}

diesel::table! {
    migration_strategy (only_row) {
        only_row -> Bool,
        #[max_length = 30]
        strategy -> Varchar,
        set_at -> Timestamptz,
    }
}

diesel::table! {
    one_time_codes (phone) {
        #[max_length = 32]
        phone -> Varchar,
        code_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        attempts -> Int4,
        consumed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    rate_limits (purpose, subject) {
        #[max_length = 40]
        purpose -> Varchar,
        #[max_length = 64]
        subject -> Varchar,
        attempts -> Int4,
        window_start -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::ApplicationType;

    sessions (id) {
        #[max_length = 255]
        id -> Varchar,
        user_id -> Uuid,
        application_context -> ApplicationType,
        data -> Nullable<Jsonb>,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
        last_activity -> Timestamptz,
        ip_address -> Nullable<Inet>,
        user_agent -> Nullable<Text>,
        revoked -> Bool,
        revoked_at -> Nullable<Timestamptz>,
        absolute_expires_at -> Timestamptz,
        session_epoch -> Int8,
        #[max_length = 20]
        auth_method -> Varchar,
        authenticated_at -> Nullable<Timestamptz>,
        #[max_length = 20]
        adopted_from -> Nullable<Varchar>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::ApplicationType;

    strategy_processes (id) {
        id -> Uuid,
        application_context -> ApplicationType,
        #[max_length = 20]
        environment -> Varchar,
        #[max_length = 255]
        host -> Varchar,
        pid -> Int4,
        #[max_length = 30]
        configured -> Varchar,
        #[max_length = 30]
        running -> Varchar,
        problem -> Nullable<Text>,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    used_telegram_payloads (digest) {
        digest -> Bytea,
        usable_until -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::ApplicationType;

    user_permissions (id) {
        id -> Uuid,
        user_id -> Uuid,
        #[max_length = 100]
        permission -> Varchar,
        application_context -> ApplicationType,
        granted_at -> Timestamptz,
        granted_by -> Nullable<Uuid>,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::UserRole;

    users (id) {
        id -> Uuid,
        #[max_length = 255]
        email -> Nullable<Varchar>,
        #[max_length = 32]
        phone -> Nullable<Varchar>,
        telegram_id -> Nullable<Int8>,
        hashed_password -> Nullable<Text>,
        is_verified -> Bool,
        role -> UserRole,
        created_at -> Timestamptz,
        last_login_at -> Nullable<Timestamptz>,
        blocked_at -> Nullable<Timestamptz>,
        #[max_length = 255]
        session_id -> Nullable<Varchar>,
        #[max_length = 255]
        auth_token -> Nullable<Varchar>,
        session_epoch -> Int8,
        credential_version -> Int8,
        version -> Int8,
        sessions_valid_after -> Nullable<Timestamptz>,
        legacy_id -> Nullable<Int8>,
        legacy_attributes -> Nullable<Jsonb>,
    }
}

diesel::table! {
    web_sessions (id) {
        #[max_length = 255]
        id -> Varchar,
        user_id -> Uuid,
        data -> Nullable<Jsonb>,
        preferences -> Nullable<Jsonb>,
        #[max_length = 20]
        theme -> Nullable<Varchar>,
        #[max_length = 10]
        language -> Nullable<Varchar>,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
        last_activity -> Timestamptz,
    }
}

diesel::table! {
    web_user_cache (user_id) {
        user_id -> Uuid,
        data -> Jsonb,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(user_permissions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    audit_log,
    backups,
    cleanup,
    cleanup_points,
    instance_keys,
    legacy_imports,
    legacy_uses,
    migration_strategy,
    one_time_codes,
    rate_limits,
    sessions,
    strategy_processes,
    used_telegram_payloads,
    user_permissions,
    users,
    web_sessions,
    web_user_cache,
);
