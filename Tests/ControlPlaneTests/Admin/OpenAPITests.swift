import Testing

@testable import ControlPlane

@Suite("The description of the admin interface")
struct OpenAPITests {
    private func document() throws -> JSONValue {
        try JSONValue(parsing: try contents("Sources/ControlPlane/Admin/openapi.json"))
    }

    @Test("It has every path and method that the server knows, and no other")
    func paths() throws {
        var described: Set<String> = []
        for path in try #require(try document()["paths"]?.members) {
            for method in path.value.members ?? [] where method.name != "parameters" {
                described.insert("\(method.name.uppercased()) \(path.name)")
            }
        }
        let known = Set(AdminRoutes.calls.map { "\($0.method.rawValue) \($0.path)" })
        #expect(described.subtracting(known) == [])
        #expect(known.subtracting(described) == [])
    }

    @Test("Changes need the token in it, as in the server")
    func security() throws {
        let document = try document()
        for call in AdminRoutes.calls where call.access == .operator {
            let operation = document["paths"]?[call.path]?[call.method.rawValue.lowercased()]
            #expect(operation?["security"]?.array?.first?["token"] != nil, "\(call.path)")
            #expect(operation?["responses"]?["401"] != nil, "\(call.path)")
        }
    }

    @Test("Every reference leads to a schema, and every schema is used")
    func references() throws {
        let document = try document()
        let schemas = try #require(document["components"]?["schemas"]?.members).map(\.name)
        var used: Set<String> = []
        collect(document, &used)
        #expect(used == Set(schemas.map { "#/components/schemas/\($0)" }))
    }

    /// The members of a body that the document describes, with a value of each one's kind.
    private func example(_ schema: String) throws -> JSONValue {
        let document = try document()
        let properties = document["components"]?["schemas"]?[schema]?["properties"]?.members
        return .object(
            try #require(properties).map { property in
                let kind = property.value["type"]
                let value: JSONValue =
                    switch kind?.string ?? kind?.array?.first?.string {
                    case "integer", "number": .count(1)
                    case "boolean": .boolean(true)
                    case "array":
                        property.value["items"]?["type"]?.string == "integer"
                            ? .array([.count(1)]) : .array([.string("a")])
                    case "object": .object([])
                    default: .string("a")
                    }
                return JSONValue.Member(property.name, value)
            })
    }

    @Test("The body of each change has the members that the server takes, of their kind")
    func bodies() throws {
        func compare<Record: JSONRecord>(_ schema: String, _ type: Record.Type) throws {
            let example = try example(schema)
            let described = Set((example.members ?? []).map(\.name))
            #expect(described == Set(Record.fields.map(\.name)), "\(schema)")
            _ = try AdminBody.record(type, in: Array(example.text.utf8))
        }
        try compare("DrainRequest", DrainBody.self)
        try compare("UndrainRequest", UndrainBody.self)
        try compare("PauseRequest", PauseBody.self)
        try compare("RolloutPlan", RolloutPlan.self)
        let weights = try AdminRoutes.weights(in: ["weights": ["a": .count(1)]])
        #expect(weights.map(\.pool) == ["a"])
        #expect(try example("ShiftRequest").members?.map(\.name) == ["weights"])
    }

    private func collect(_ value: JSONValue, _ references: inout Set<String>) {
        for member in value.members ?? [] {
            if member.name == "$ref", let text = member.value.string { references.insert(text) }
            collect(member.value, &references)
        }
        for element in value.array ?? [] { collect(element, &references) }
    }
}
