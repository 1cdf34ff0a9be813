//! What an administrator does in NinjaRMM before connecting by API v1, in the order of Passportal's guide.

use connect::GuideStep;

/// The steps.
pub fn steps() -> Vec<GuideStep> {
    let step = |heading: &str, text: &str| GuideStep {
        heading: heading.to_owned(),
        text: text.to_owned(),
        link: None,
        values: Vec::new(),
    };
    vec![
        GuideStep {
            values: vec![(
                "Where".to_owned(),
                "Configuration → Integration → API → Generate API Key".to_owned(),
            )],
            ..step(
                "Generate an API key",
                "Signed in to NinjaRMM as an administrator, make a key pair. It reads organizations and devices, and nothing is \
                 written with it.",
            )
        },
        step(
            "Record the secret key",
            "It is shown once, while the key is made. If it is lost, it cannot be had again: generate a new API key.",
        ),
        step(
            "Enter both keys here",
            "Authenticate tries them at NinjaRMM. What comes next is open once they are accepted.",
        ),
    ]
}
