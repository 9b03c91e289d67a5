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

    private func collect(_ value: JSONValue, _ references: inout Set<String>) {
        for member in value.members ?? [] {
            if member.name == "$ref", let text = member.value.string { references.insert(text) }
            collect(member.value, &references)
        }
        for element in value.array ?? [] { collect(element, &references) }
    }
}
