/// One file of the dashboard, as it is in the program.
struct DashboardFile: Sendable {
    let path: String
    let contentType: String
    let body: String

    /// The page itself is at `/`; it loads the others from beside it.
    static let all: [DashboardFile] = [
        DashboardFile("/", html, PackageResources.index_html),
        DashboardFile("/dashboard/style.css", css, PackageResources.style_css),
        DashboardFile("/dashboard/actions.js", javaScript, PackageResources.actions_js),
        DashboardFile("/dashboard/app.js", javaScript, PackageResources.app_js),
        DashboardFile("/dashboard/figures.js", javaScript, PackageResources.figures_js),
        DashboardFile("/dashboard/flow.js", javaScript, PackageResources.flow_js),
        DashboardFile("/dashboard/page.js", javaScript, PackageResources.page_js),
        DashboardFile("/dashboard/pools.js", javaScript, PackageResources.pools_js),
        DashboardFile("/dashboard/rollouts.js", javaScript, PackageResources.rollouts_js),
        DashboardFile("/dashboard/timeline.js", javaScript, PackageResources.timeline_js),
    ]

    private static let html = "text/html; charset=utf-8"
    private static let css = "text/css; charset=utf-8"
    private static let javaScript = "text/javascript; charset=utf-8"

    private init(_ path: String, _ contentType: String, _ content: [UInt8]) {
        self.path = path
        self.contentType = contentType
        body = String(decoding: content, as: UTF8.self)
    }

    /// Nothing from elsewhere, no script or style within the page, in nobody's frame: what a name
    /// or a cause could smuggle into the page does not run.
    static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
        "img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ].joined(separator: "; ")

    var response: AdminResponse {
        var response = AdminResponse(200, contentType: contentType, body: body)
        response.fields = [
            ("Content-Security-Policy", DashboardFile.policy), ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        return response
    }
}
