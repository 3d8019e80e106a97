//! Colours and places that all parts of a picture share.

/// Colours of groups. They differ in lightness, and each group has its own shape.
pub(super) const COLOURS: [&str; 6] = [
    "#1b6fb8", "#c2571a", "#2f8f57", "#7d5bbf", "#0f8288", "#b04a86",
];

/// Places of the parts of a picture, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct PictureFrame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}
