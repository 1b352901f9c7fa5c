//! The smallest values of types, in the canonical ABI: absent where that can be, and else one of one character.

use wit_parser::{
    Handle, Resolve, SizeAlign, Type, TypeDefKind,
    abi::{FlatTypes, WasmType},
};

/// A value among the arguments of a function.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flat {
    /// A number of this type.
    Number(WasmType, u64),
    /// The handle of the task.
    Task,
}

/// Memory that is filled before the guest runs.
pub(super) struct Image<'a> {
    resolve: &'a Resolve,
    pub(super) sizes: SizeAlign,
    start: usize,
    pub(super) bytes: Vec<u8>,
}

impl<'a> Image<'a> {
    pub(super) fn new(resolve: &'a Resolve, start: usize) -> Self {
        let mut sizes = SizeAlign::default();
        sizes.fill(resolve);
        Self {
            resolve,
            sizes,
            start,
            bytes: Vec::new(),
        }
    }

    /// The first address behind it.
    pub(super) fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    /// Memory of zeros; its address.
    pub(super) fn reserve(&mut self, size: usize, align: usize) -> usize {
        let at = self.end().next_multiple_of(align.max(1));
        self.bytes.resize(at - self.start + size, 0);
        at
    }

    pub(super) fn text(&mut self, text: &str) -> usize {
        let at = self.reserve(text.len(), 1);
        self.put(at, text.as_bytes());
        at
    }

    pub(super) fn put_u32(&mut self, at: usize, value: usize) {
        let value = u32::try_from(value).expect("a 32-bit address");
        self.put(at, &value.to_le_bytes());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let from = at - self.start;
        self.bytes[from..from + bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn size_of(&self, ty: &Type) -> (usize, usize) {
        (
            self.sizes.size(ty).size_wasm32(),
            self.sizes.align(ty).align_wasm32(),
        )
    }

    /// Where each of several values is that are stored one after another, and what they take.
    pub(super) fn laid_out(&self, types: &[Type]) -> (Vec<usize>, usize, usize) {
        let offsets = self.sizes.field_offsets(types);
        let whole = self.sizes.record(types);
        (
            offsets
                .into_iter()
                .map(|(offset, _)| offset.size_wasm32())
                .collect(),
            whole.size.size_wasm32(),
            whole.align.align_wasm32(),
        )
    }

    /// Stores the smallest value of a type where there are zeros.
    pub(super) fn store(&mut self, ty: &Type, at: usize) {
        let Type::Id(id) = ty else {
            if matches!(ty, Type::String) {
                let text = self.text("x");
                self.put_u32(at, text);
                self.put_u32(at + 4, 1);
            }
            return;
        };
        let resolve = self.resolve;
        match &resolve.types[*id].kind {
            TypeDefKind::Type(ty) => self.store(ty, at),
            TypeDefKind::Record(record) => {
                let types: Vec<_> = record.fields.iter().map(|field| field.ty).collect();
                self.store_all(&types, at);
            }
            TypeDefKind::Tuple(tuple) => self.store_all(&tuple.types, at),
            TypeDefKind::List(of) => {
                let (size, align) = self.size_of(of);
                let element = self.reserve(size, align);
                self.store(of, element);
                self.put_u32(at, element);
                self.put_u32(at + 4, 1);
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| case.ty.as_ref());
                let offset = self.sizes.payload_offset(variant.tag(), cases);
                if let Some(payload) = variant.cases.first().and_then(|case| case.ty) {
                    self.store(&payload, at + offset.size_wasm32());
                }
            }
            TypeDefKind::Option(_) | TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => {}
            other => panic!("arguments with {other:?} are not made yet: add them here"),
        }
    }

    pub(super) fn store_all(&mut self, types: &[Type], at: usize) {
        let (offsets, _, _) = self.laid_out(types);
        for (ty, offset) in types.iter().zip(offsets) {
            self.store(ty, at + offset);
        }
    }

    /// The smallest value of a type, as arguments.
    pub(super) fn flat(&mut self, ty: &Type) -> Vec<Flat> {
        let resolve = self.resolve;
        let mut types = [WasmType::I32; 64];
        let mut flat = FlatTypes::new(&mut types);
        assert!(resolve.push_flat(ty, &mut flat), "too many arguments");
        let types = flat.to_vec();
        let zeros = || types.iter().map(|ty| Flat::Number(*ty, 0)).collect();
        let address = |at: usize| Flat::Number(WasmType::Pointer, at as u64);
        let one = Flat::Number(WasmType::Length, 1);
        let Type::Id(id) = ty else {
            return match ty {
                Type::String => vec![address(self.text("x")), one],
                _ => zeros(),
            };
        };
        match &resolve.types[*id].kind {
            TypeDefKind::Type(ty) => self.flat(ty),
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter();
                fields.flat_map(|field| self.flat(&field.ty)).collect()
            }
            TypeDefKind::Tuple(tuple) => {
                let types = tuple.types.iter();
                types.flat_map(|ty| self.flat(ty)).collect()
            }
            TypeDefKind::List(of) => {
                let (size, align) = self.size_of(of);
                let element = self.reserve(size, align);
                self.store(of, element);
                vec![address(element), one]
            }
            TypeDefKind::Option(_) | TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => zeros(),
            TypeDefKind::Handle(Handle::Borrow(_)) => vec![Flat::Task],
            other => panic!("arguments with {other:?} are not made yet: add them here"),
        }
    }
}
