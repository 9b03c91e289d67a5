internal import Transport

// Compiled into the module ControlPlane itself by Tests/Fuzz/run, which says what each target
// promises.

/// The first byte chooses the question. Records are of its type, and none comes twice.
@Sendable private func fuzzDNSAnswer(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let types: [DNSRecordType] = [.a, .aaaa, .srv, .ptr]
    let type = types[Int(first) % types.count]
    let question = DNSQuestion(name: "app", type: type)
    let answer = DNSParser.parse(Array(bytes.dropFirst()), question: question)
    guard case .records(let records) = answer.outcome else { return }
    if records.isEmpty { broken("no records is an outcome of its own") }
    if Set(records).count != records.count { broken("each record comes once") }
    for record in records {
        switch (type, record) {
        case (.a, .address), (.aaaa, .address), (.srv, .service), (.ptr, .host): continue
        default: broken("a record of the type asked for: \(record)")
        }
    }
}

/// A configuration or problems, never both, never neither; each problem at a place of the file.
@Sendable private func fuzzConfiguration(_ bytes: [UInt8]) {
    let outcome = ConfigurationReader.read(
        bytes: bytes, file: "weir.yaml", environment: ["NAME": "value"])
    if (outcome.configuration == nil) != !outcome.problems.isEmpty {
        broken("a configuration or problems")
    }
    let lines = bytes.count { $0 == 10 } + 2
    for problem in outcome.problems {
        if problem.message.isEmpty { broken("a problem says what it is") }
        if problem.line < 1 || problem.line > lines || problem.column < 1 {
            broken("a problem is somewhere in the file: \(problem)")
        }
    }
}

/// What is read and written is read as the same.
@Sendable private func fuzzJSON(_ bytes: [UInt8]) {
    do throws(JSONError) {
        let value = try JSONValue(parsing: bytes)
        do throws(JSONError) {
            let again = try JSONValue(parsing: value.text)
            if again != value { broken("what is written means the same: \(value.text)") }
        } catch { broken("what is written is right: \(error)") }
    } catch { return }
}

/// A state that is read and written is read as the same.
@Sendable private func fuzzStateFile(_ bytes: [UInt8]) {
    do throws(SavedStateError) {
        let state = try SavedState(reading: bytes)
        do throws(SavedStateError) {
            let again = try SavedState(reading: Array(state.text.utf8))
            if again.text != state.text { broken("what is written means the same") }
        } catch { broken("what is written is right: \(error)") }
    } catch {
        if error.description.isEmpty { broken("a mistake is named") }
    }
}

/// The first byte cuts the response to a probe in two: the verdict is the same.
@Sendable private func fuzzProbeResponse(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let response = Array(bytes.dropFirst())
    let cut = response.isEmpty ? 0 : Int(first) % (response.count + 1)
    var probe = ProbeConfiguration.HTTPProbe(path: "/")
    probe.body = "ok"
    var whole = ProbeResponse(accepting: probe)
    var pieces = ProbeResponse(accepting: probe)
    var one = whole.take(response.span)
    if case .undecided = one { one = whole.end() }
    var two = pieces.take(response.span.extracting(first: cut))
    if case .undecided = two { two = pieces.take(response.span.extracting(cut...)) }
    if case .undecided = two { two = pieces.end() }
    // What is wrong with it may be found in another place first.
    if (one == .passed) != (two == .passed) {
        broken("a probe's verdict is the same in pieces: \(one), \(two)")
    }
}

let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "dns-answer": fuzzDNSAnswer,
    "configuration": fuzzConfiguration,
    "json": fuzzJSON,
    "state-file": fuzzStateFile,
    "probe-response": fuzzProbeResponse,
]
