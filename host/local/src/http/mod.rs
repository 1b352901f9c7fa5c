//! HTTP on loopback, for the services: it survives whatever clients send.

mod body;
mod guard;
mod server;

pub(crate) use body::{Bodies, BodyError};
pub(crate) use server::{Closing, HttpServer};
