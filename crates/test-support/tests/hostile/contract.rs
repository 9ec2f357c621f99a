//! What an application's OpenAPI document says that may be sent, so that an address that is added is tried by itself.

use serde_json::{Map, Value, json};

use crate::stage::{PASSWORD, Stage};

/// One method of one address.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    /// With its names in braces.
    pub(crate) path: String,
    pub(crate) query: Vec<String>,
    /// The objects that are understood as its body, each with its members.
    pub(crate) bodies: Vec<Body>,
    /// Whether a member that nobody knows is one of these, too: of what somebody else has signed.
    pub(crate) open: bool,
}

/// An object, with a value for each member.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) example: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Body {
    /// Whether the document allows a value of this type there.
    pub(crate) fn allows(&self, member: &str, value: &Value) -> bool {
        let of = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        types(&self.schemas[member]).iter().any(|known| known == of)
    }
}

/// Every operation of the document that an application shows.
pub(crate) fn operations(stage: &Stage) -> Vec<Operation> {
    let document = stage.app.anon().get("/openapi.json").json();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, said) in methods.as_object().unwrap() {
            let parameters = said["parameters"].as_array().cloned().unwrap_or_default();
            let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
            let schema = &said["requestBody"]["content"]["application/json"]["schema"];
            let objects = if schema.is_null() { Vec::new() } else { objects(&document, schema) };
            let operation = Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                query: query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect(),
                open: objects.iter().any(|object| object["additionalProperties"] != json!(false)),
                bodies: objects.iter().map(|object| body(&document, object)).collect(),
            };
            assert!(!operation.address(stage).contains('{'), "no value is known for a name in {path}");
            operations.push(operation);
        }
    }
    operations
}

impl Operation {
    /// The address with a value for each name, of things that exist.
    pub(crate) fn address(&self, stage: &Stage) -> String {
        let path = self.path.replace("{id}", &stage.somebody).replace("{permission}", "reports.read");
        path.replace("{sid}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The objects that a schema stands for.
fn objects(document: &Value, schema: &Value) -> Vec<Value> {
    let schema = resolved(document, schema);
    match schema["oneOf"].as_array() {
        Some(several) => several.iter().flat_map(|schema| objects(document, schema)).collect(),
        None => vec![schema.clone()],
    }
}

fn body(document: &Value, object: &Value) -> Body {
    let members = object["properties"].as_object().unwrap();
    let schemas: Map<String, Value> =
        members.iter().map(|(name, schema)| (name.clone(), resolved(document, schema).clone())).collect();
    let example = schemas.iter().map(|(name, schema)| (name.clone(), example(name, schema))).collect();
    Body { example, schemas }
}

/// A value that is understood: what the document gives as one, else what the name asks for, else any of its type.
fn example(name: &str, schema: &Value) -> Value {
    if let Some(given) = schema.get("example").or(schema["enum"].get(0)) {
        return given.clone();
    }
    match name {
        "email" => json!("new@example.com"),
        "password" | "current_password" => json!(PASSWORD),
        "new_password" => json!("another password"),
        "phone" => json!("+447400123456"),
        "code" => json!("123456"),
        "hash" => json!("0".repeat(64)),
        "expires_at" => json!("2999-01-01T00:00:00Z"),
        _ if types(schema).iter().any(|known| known == "boolean") => json!(false),
        _ if types(schema).iter().any(|known| known == "integer") => json!(1),
        _ => json!("x"),
    }
}

fn types(schema: &Value) -> Vec<String> {
    match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}
