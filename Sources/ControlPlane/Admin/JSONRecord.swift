/// A value with one JSON form, both written and read.
protocol JSONConvertible {
    var json: JSONValue { get }
    /// - Throws: with the kind of value expected. Members that are missing keep their default.
    init(json: JSONValue) throws(JSONMismatch)
}

/// A JSON value of the wrong kind: where it stands, and what was expected there.
struct JSONMismatch: Error, Equatable {
    var path: String
    var expected: String

    func inside(_ name: String) -> JSONMismatch {
        JSONMismatch(path: path.isEmpty ? name : "\(name).\(path)", expected: expected)
    }
}

/// A struct that is an object in JSON: one list of names and properties serves both directions.
protocol JSONRecord: JSONConvertible {
    init()
    static var fields: [JSONField<Self>] { get }
}

/// One member of a record.
struct JSONField<Record> {
    let name: String
    let read: (Record) -> JSONValue
    let write: (inout Record, JSONValue) throws(JSONMismatch) -> Void

    init<Value: JSONConvertible>(_ name: String, _ property: WritableKeyPath<Record, Value>) {
        self.name = name
        read = { $0[keyPath: property].json }
        write = { (record: inout Record, json: JSONValue) throws(JSONMismatch) in
            record[keyPath: property] = try Value(json: json)
        }
    }
}

extension JSONField {
    /// A member of a record that is part of another one, as a member of that.
    init<Part>(_ field: JSONField<Part>, within part: WritableKeyPath<Record, Part>) {
        name = field.name
        read = { field.read($0[keyPath: part]) }
        write = { (record: inout Record, json: JSONValue) throws(JSONMismatch) in
            try field.write(&record[keyPath: part], json)
        }
    }
}

extension JSONRecord {
    var json: JSONValue {
        .object(Self.fields.map { JSONValue.Member($0.name, $0.read(self)) })
    }

    init(json: JSONValue) throws(JSONMismatch) {
        guard json.members != nil else { throw JSONMismatch(path: "", expected: "an object") }
        self.init()
        for field in Self.fields {
            guard let value = json[field.name] else { continue }
            do throws(JSONMismatch) {
                try field.write(&self, value)
            } catch {
                throw error.inside(field.name)
            }
        }
    }
}

extension String: JSONConvertible {
    var json: JSONValue { .string(self) }
    init(json: JSONValue) throws(JSONMismatch) {
        guard let value = json.string else { throw JSONMismatch(path: "", expected: "a string") }
        self = value
    }
}

extension Int: JSONConvertible {
    var json: JSONValue { .count(self) }
    init(json: JSONValue) throws(JSONMismatch) {
        guard let value = json.integer else {
            throw JSONMismatch(path: "", expected: "a whole number")
        }
        self = value
    }
}

extension Double: JSONConvertible {
    var json: JSONValue { .number(self) }
    init(json: JSONValue) throws(JSONMismatch) {
        guard let value = json.double else { throw JSONMismatch(path: "", expected: "a number") }
        self = value
    }
}

extension Bool: JSONConvertible {
    var json: JSONValue { .boolean(self) }
    init(json: JSONValue) throws(JSONMismatch) {
        guard let value = json.boolean else {
            throw JSONMismatch(path: "", expected: "true or false")
        }
        self = value
    }
}

extension Optional: JSONConvertible where Wrapped: JSONConvertible {
    var json: JSONValue { self?.json ?? .null }
    init(json: JSONValue) throws(JSONMismatch) {
        self = json == .null ? nil : try Wrapped(json: json)
    }
}

extension Array: JSONConvertible where Element: JSONConvertible {
    var json: JSONValue { .array(map(\.json)) }
    init(json: JSONValue) throws(JSONMismatch) {
        guard let values = json.array else { throw JSONMismatch(path: "", expected: "an array") }
        self = []
        for (index, value) in values.enumerated() {
            do throws(JSONMismatch) {
                append(try Element(json: value))
            } catch {
                throw error.inside("\(index)")
            }
        }
    }
}
