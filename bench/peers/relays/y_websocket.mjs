// @y/websocket-server as it comes, without persistence: node y_websocket.mjs PORT
process.env.HOST = '127.0.0.1'
process.env.PORT = process.argv[2]
await import('@y/websocket-server/server')
