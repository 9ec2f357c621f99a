//! The files that pages load. They are part of the program, and their address changes with their content, so that a
//! browser may keep them for good.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Its name, the last part of its address.
    pub name: &'static str,
    /// Its type.
    pub content_type: &'static str,
    /// What is in it.
    pub body: &'static [u8],
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static ALL: [Asset; 5] = [
    Asset { name: "style.css", content_type: STYLE, body: include_bytes!("../assets/style.css") },
    Asset { name: "admin.css", content_type: STYLE, body: include_bytes!("../assets/admin.css") },
    Asset { name: "app.js", content_type: SCRIPT, body: include_bytes!("../assets/app.js") },
    Asset { name: "telegram.js", content_type: SCRIPT, body: include_bytes!("../assets/telegram.js") },
    Asset { name: "icon.svg", content_type: "image/svg+xml", body: include_bytes!("../assets/icon.svg") },
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in &ALL {
        hash.update(asset.name);
        hash.update(asset.body.len().to_be_bytes());
        hash.update(asset.body);
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..12])
});

/// The address of a file.
#[must_use]
pub fn path(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// The file at an address; `None` for what another version of this program had there.
#[must_use]
pub fn find(version: &str, name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.name == name && version == *VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_under_its_own_version_alone() {
        let address = path("style.css");
        let version = address.split('/').nth(2).unwrap();
        assert_eq!(find(version, "style.css").unwrap().content_type, STYLE);
        assert!(find("x", "style.css").is_none());
        assert!(find(version, "../Cargo.toml").is_none());
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for asset in &ALL {
            let text = std::str::from_utf8(asset.body).unwrap().replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http:") && !text.contains("https:"), "{}", asset.name);
        }
    }
}
