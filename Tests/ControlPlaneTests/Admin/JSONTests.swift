import Testing

@testable import ControlPlane

@Suite("JSON")
struct JSONTests {
    @Test(
        "What RFC 8259 allows is read",
        arguments: [
            ("null", JSONValue.null), (" true ", true), ("false", false), ("0", 0), ("-0", 0),
            ("-12", -12), ("9223372036854775807", .integer(.max)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("1.5", .number(1.5)), ("1e3", .number(1000)), ("-2.5E-1", .number(-0.25)),
            ("\"\"", ""), (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{c}\n\r\t"),
            (#""\u00e9\u20ac\ud83d\ude00""#, "é€😀"), ("\"é€😀\"", "é€😀"),
            ("[]", []), ("[1, [2], \"x\"]", [1, [2], "x"]), ("{}", [:]),
            (#"{ "a" : 1 , "b" : { "c" : [ ] } }"#, ["a": 1, "b": ["c": []]]),
        ] as [(String, JSONValue)])
    func accepted(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(
        "Everything else is refused",
        arguments: [
            "", " ", "nul", "True", "nullx", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10",
            "1e999",
            "NaN", "Infinity", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
            "\"\\udc00\"", "\"a\nb\"", "[", "[1", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"}",
            "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "1 2",
            "[] []",
            "'a'", "// x", "{\"a\":1}x",
        ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test("A byte that is not UTF-8 in a string is refused")
    func badEncoding() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xff, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xc3, 0x22]) }
    }

    @Test("A mistake is told with its place")
    func place() {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a": tru}"#) }
        #expect(error?.offset == 6)
    }

    @Test("Nesting has a limit, and reaching it is an error, not a crash")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue(parsing: nested(JSONValue.depthMaximum))
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(33)) }
        #expect(throws: JSONError.self) {
            try JSONValue(parsing: String(repeating: "{\"a\":", count: 100_000))
        }
    }

    @Test("What is written is read back as the same value")
    func roundTrip() throws {
        let strings = "\u{0}\u{1f}\u{7f}\"\\/ é😀\u{2028}"
        let value: JSONValue = [
            "strings": .string(strings), "numbers": [1, -1, .number(0.1), .integer(.min)],
            "words": [true, false, .null], "": [:],
        ]
        #expect(try JSONValue(parsing: value.text) == value)
        #expect(JSONValue.number(.infinity).text == "null")
    }

    @Test("Damaged documents never crash the parser, and what it accepts it writes and reads alike")
    func storm() throws {
        let seed = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",true,null,{"b":{}}],"c":""}"#.utf8)
        let alphabet = Array(#"{}[]",:\u0e1.-+tfn"#.utf8) + [0, 0x1f, 0x80, 0xff]
        var random = SeededRandom(seed: 20_261_121)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                case 1: bytes.insert(bytes[index], at: index)
                default: bytes.remove(at: index)
                }
            }
            guard case .success(let value) = Result(catching: { try JSONValue(parsing: bytes) })
            else {
                continue
            }
            accepted += 1
            #expect(try JSONValue(parsing: value.text) == value)
        }
        #expect(accepted > 100)
    }
}

/// The same numbers in each run (splitmix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
