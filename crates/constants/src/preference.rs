//! What a person may choose of how pages look and speak.

use crate::named::named_enum;

named_enum! {
    /// How pages look.
    pub enum Theme {
        /// As the device does.
        System = "system",
        /// Dark on light.
        Light = "light",
        /// Light on dark.
        Dark = "dark",
    }
}

named_enum! {
    /// In which language a person is spoken to.
    pub enum Language {
        /// English.
        English = "en",
        /// Russian.
        Russian = "ru",
    }
}
