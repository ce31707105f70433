//! What makes the properties of generated handles.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::typed_error::IntoCallError;
use crate::base::value::Value;
use crate::call::property::{Form, Names, Property, RemoteProperty, WritableProperty};
use crate::call::reply::Via;
use crate::format::property::PropertyDescription;

use super::handle::Api;

/// The properties without a declaration that were asked for, by name.
#[derive(Default)]
pub(super) struct Undeclared {
    pub(super) own: HashMap<String, WritableProperty<Value>>,
    pub(super) remote: HashMap<String, RemoteProperty<Value>>,
}

impl Api {
    #[doc(hidden)]
    pub fn __property<T: Send + Sync + 'static>(
        &self,
        property: &'static PropertyDescription,
        form: Form<T>,
        errors: IntoCallError,
    ) -> Property<T> {
        let slot = |call| self.__slot(call, || false, errors);
        let read = slot(&property.calls.read);
        let write = property.calls.write.as_ref().map(slot);
        let names = Names::declared(property);
        Property::new(self.calls(), names, form, &read, write.as_ref())
    }

    #[doc(hidden)]
    pub fn __writable_property<T: Send + Sync + 'static>(
        &self,
        property: &'static PropertyDescription,
        form: Form<T>,
        errors: IntoCallError,
    ) -> WritableProperty<T> {
        WritableProperty::new(self.__property(property, form, errors))
    }

    #[doc(hidden)]
    pub fn __remote_property<T: Send + Sync + 'static>(
        &self,
        property: &'static PropertyDescription,
        form: Form<T>,
        errors: IntoCallError,
    ) -> RemoteProperty<T> {
        let slot = self.__slot(&property.calls.change, || false, errors);
        RemoteProperty::new(self.calls(), property.wire_name, form, slot)
    }
}

/// How the values of a declared property travel. Called for both sides, so that what a type
/// lacks is one error.
pub fn property_form<T, W>() -> Form<T>
where
    T: Via<W> + Clone + Send + Sync + 'static,
    W: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    Form::new::<W>(
        |call| call.args::<(W,)>((None,)).map(|(wire,)| T::from_wire(wire)),
        |call| call.args::<()>(()),
    )
}
