internal import CYAML

/// One step of a YAML document as libyaml reads it.
struct YAMLEvent {
    var kind: Kind
    var mark: Mark
    /// Where it ends.
    var end: Mark
    var anchor: String?
    var tag: String?

    enum Kind: Equatable {
        case documentStart
        case alias(String)
        case scalar(String, Style)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
        /// Ends of documents and the like, of no interest.
        case other
    }

    enum Style {
        case plain
        /// In single or double quotes.
        case quoted
        /// Literal or folded, over several lines.
        case block
    }
}

/// Why a text is not YAML, or not YAML that we take.
struct YAMLFailure: Error {
    var mark: Mark
    var message: String
}

/// Pulls events out of libyaml. Owns the parser and the text that it reads.
@safe
struct YAMLEventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    /// - Parameter bytes: UTF-8, without a byte order mark.
    init(_ bytes: some Collection<UInt8>) {
        unsafe text = .allocate(capacity: bytes.count)
        _ = unsafe text.initialize(from: bytes)
        unsafe parser = .allocate(capacity: 1)
        unsafe parser.initialize(to: yaml_parser_t())
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            fatalError("no memory for a YAML parser")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next event; nil at the end of the text.
    ///
    /// - Throws: at the first place that is not YAML. Nothing can be read after it.
    mutating func next() throws(YAMLFailure) -> YAMLEvent? {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&event) }
        let type = unsafe event.type
        if type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT { return nil }
        return unsafe YAMLEvent(event)
    }

    private func failure() -> YAMLFailure {
        let problem = unsafe string(parser.pointee.problem) ?? "unreadable text"
        guard unsafe parser.pointee.error != YAML_READER_ERROR else {
            let offset = unsafe min(Int(parser.pointee.problem_offset), text.count)
            return YAMLFailure(
                mark: mark(ofByte: offset),
                message: "not a UTF-8 text: \(problem)")
        }
        let mark = unsafe Mark(parser.pointee.problem_mark)
        if unsafe byte(atIndex: Int(parser.pointee.problem_mark.index)) == UInt8(ascii: "\t") {
            return YAMLFailure(mark: mark, message: "a tab; YAML is indented with spaces")
        }
        guard let context = unsafe string(parser.pointee.context) else {
            return YAMLFailure(mark: mark, message: "not valid YAML: \(problem)")
        }
        let start = unsafe Mark(parser.pointee.context_mark)
        if context == "while scanning a simple key" {
            return YAMLFailure(mark: start, message: "not valid YAML: no ':' after this key")
        }
        return YAMLFailure(
            mark: mark,
            message: "not valid YAML: \(problem) \(context) that starts at line \(start.line)")
    }

    /// libyaml counts characters; a byte offset has to be found by counting them.
    private func byte(atIndex index: Int) -> UInt8? {
        var position = 0
        for offset in unsafe 0..<text.count {
            let byte = unsafe text[offset]
            if byte & 0xc0 == 0x80 { continue }
            if position == index { return byte }
            position += 1
        }
        return nil
    }

    private func mark(ofByte offset: Int) -> Mark {
        var mark = Mark.start
        for index in 0..<offset {
            let byte = unsafe text[index]
            if byte == UInt8(ascii: "\n") {
                mark = Mark(line: mark.line + 1, column: 1)
            } else if byte & 0xc0 != 0x80 {
                mark.column += 1
            }
        }
        return mark
    }
}

extension Mark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}

extension YAMLEvent {
    fileprivate init(_ event: yaml_event_t) {
        mark = unsafe Mark(event.start_mark)
        end = unsafe Mark(event.end_mark)
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_ALIAS_EVENT: kind = unsafe .alias(string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: Int(scalar.length))
            kind = unsafe .scalar(String(decoding: bytes, as: UTF8.self), Style(scalar.style))
            anchor = unsafe string(scalar.anchor)
            tag = unsafe string(scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            anchor = unsafe string(event.data.sequence_start.anchor)
            tag = unsafe string(event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            anchor = unsafe string(event.data.mapping_start.anchor)
            tag = unsafe string(event.data.mapping_start.tag)
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        default: kind = .other
        }
    }
}

extension YAMLEvent.Style {
    fileprivate init(_ style: yaml_scalar_style_t) {
        switch style {
        case YAML_PLAIN_SCALAR_STYLE: self = .plain
        case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: self = .quoted
        default: self = .block
        }
    }
}

private func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    guard let text = unsafe text else { return nil }
    return unsafe String(cString: text)
}

private func string(_ text: UnsafePointer<CChar>?) -> String? {
    guard let text = unsafe text else { return nil }
    return unsafe String(cString: text)
}
