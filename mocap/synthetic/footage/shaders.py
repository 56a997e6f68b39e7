"""GLSL programs of the renderer: OpenCV's lens in the vertex shader, light, textured panels.

Every vertex goes through the five-coefficient lens exactly; what lies between two vertices is
interpolated, so meshes must be fine enough for the distortion to be straight across a triangle.
"""

from __future__ import annotations

# Depth range in metres. Nothing comes nearer than 0.1 m, the room ends before 30 m.
NEAR_M = 0.1
FAR_M = 30.0

# window: width and height in pixels of the image part that is drawn, then its top-left pixel.
# The centre of pixel (u, v) is the window position (u + 0.5, height - v - 0.5) of OpenGL.
# Beyond max_radius2 the polynomial folds back; its factor is held constant there, off the image.
_LENS = f"""
uniform mat4 camera_from_world;
uniform vec4 pinhole;      // fx fy cx cy
uniform vec3 radial;       // k1 k2 k3
uniform vec2 tangential;   // p1 p2
uniform float max_radius2;
uniform vec4 window;

vec4 through_lens(vec3 world) {{
    vec3 p = (camera_from_world * vec4(world, 1.0)).xyz;
    vec2 n = p.xy / p.z;
    float r2 = dot(n, n);
    float s = min(r2, max_radius2);
    vec2 bent = n * (1.0 + s * (radial.x + s * (radial.y + s * radial.z)));
    bent.x += 2.0 * tangential.x * n.x * n.y + tangential.y * (r2 + 2.0 * n.x * n.x);
    bent.y += tangential.x * (r2 + 2.0 * n.y * n.y) + 2.0 * tangential.y * n.x * n.y;
    vec2 pixel = bent * pinhole.xy + pinhole.zw - window.zw + 0.5;
    vec2 clip = vec2(2.0 * pixel.x / window.x - 1.0, 1.0 - 2.0 * pixel.y / window.y);
    const float near = {NEAR_M};
    const float far = {FAR_M};
    float depth = ((far + near) * p.z - 2.0 * far * near) / (far - near);
    return vec4(clip * p.z, depth, p.z);
}}
"""

# Two lamps and a sky/floor ambient; colours are reflectances, the square root is the tone curve.
MESH_VERTEX = (
    "#version 330\n"
    + _LENS
    + """
in vec3 position;
in vec3 normal;
in vec3 reflectance;
uniform vec3 key_direction;    // unit, towards the lamp
uniform vec3 fill_direction;
uniform vec3 key_colour;
uniform vec3 fill_colour;
uniform vec3 sky_colour;
uniform vec3 floor_colour;
out vec3 shaded;

void main() {
    vec3 n = normalize(normal);
    vec3 light = mix(floor_colour, sky_colour, 0.5 + 0.5 * n.z)
        + key_colour * max(0.0, dot(n, key_direction))
        + fill_colour * max(0.0, dot(n, fill_direction));
    shaded = sqrt(clamp(reflectance * light, 0.0, 1.0));
    gl_Position = through_lens(position);
}
"""
)

MESH_FRAGMENT = """#version 330
in vec3 shaded;
out vec4 colour;
void main() { colour = vec4(shaded, 1.0); }
"""

# The mesh is flattened along the light onto the floor z = 0.
SHADOW_VERTEX = (
    "#version 330\n"
    + _LENS
    + """
in vec3 position;
uniform vec3 key_direction;

void main() {
    float along = max(position.z, 0.0) / key_direction.z;
    gl_Position = through_lens(vec3(position.xy - along * key_direction.xy, 0.0));
}
"""
)

SHADOW_FRAGMENT = """#version 330
out vec4 colour;
void main() { colour = vec4(1.0); }
"""

PANEL_VERTEX = (
    "#version 330\n"
    + _LENS
    + """
in vec3 position;
in vec2 uv_position;
uniform mat4 world_from_panel;
out vec2 uv;

void main() {
    uv = uv_position;
    gl_Position = through_lens((world_from_panel * vec4(position, 1.0)).xyz);
}
"""
)

PANEL_FRAGMENT = """#version 330
in vec2 uv;
uniform sampler2D print;
uniform float brightness;
uniform float back;        // 1: the plain back of the panel is seen
out vec4 colour;

void main() {
    vec3 front = texture(print, uv).rgb;
    colour = vec4(mix(front, vec3(0.55), back) * brightness, 1.0);
}
"""
